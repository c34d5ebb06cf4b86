import {Thread} from "@mail/core/common/thread";

import {patch} from "@web/core/utils/patch";

import {compareByDate} from "./thread_model_patch";

patch(Thread.prototype, {
    /**
     * Core compares ids to see at which end messages were added and keeps the scroll
     * position. Messages in order of date are compared by rank instead. A user who is
     * at the newest message stays at the newest.
     *
     * @override
     */
    applyScrollContextually(thread) {
        if (!thread.isByDate) {
            return super.applyScrollContextually(...arguments);
        }
        const shown = {
            oldestPersistentMessage: this.oldestPersistentMessage,
            newestPersistentMessage: this.newestPersistentMessage,
        };
        const ranks = {scrollTop: thread.scrollTop};
        for (const name of Object.keys(shown)) {
            if (!shown[name] || !thread[name]) {
                ranks[name] = undefined;
                continue;
            }
            this[name] = {id: 0};
            ranks[name] = {id: compareByDate(thread[name], shown[name])};
        }
        if (thread.scrollTop === "bottom" && this.props.order === "desc") {
            ranks.newestPersistentMessage = undefined;
        }
        super.applyScrollContextually(ranks);
        Object.assign(this, shown);
    },
});
