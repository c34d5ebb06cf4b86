import {Thread} from "@mail/core/common/thread_model";

import {browser} from "@web/core/browser/browser";
import {rpc} from "@web/core/network/rpc";
import {patch} from "@web/core/utils/patch";

/**
 * Order of messages on a contact with e-mails of a mailbox: by date, then by id, as on
 * the server. A message without a date is the newest.
 *
 * @param {import("models").Message} m1
 * @param {import("models").Message} m2
 */
export function compareByDate(m1, m2) {
    const [d1, d2] = [m1, m2].map((message) => message.date?.ts ?? Infinity);
    return d1 === d2 ? m1.id - m2.id : d1 - d2;
}

patch(Thread.prototype, {
    setup() {
        super.setup();
        /**
         * Sent by the server with the messages of a contact: whether they are in order
         * of date.
         *
         * @type {{by_date: boolean}|undefined}
         */
        this.mailbox = undefined;
        /** @type {boolean|undefined} whether the user can send from a mailbox */
        this.hasMailboxSenders = undefined;
    },

    get isByDate() {
        return Boolean(this.mailbox?.by_date);
    },

    async fetchMessagesData() {
        const result = await super.fetchMessagesData(...arguments);
        if (this.model === "res.partner") {
            this.mailbox = result.mailbox;
        }
        return result;
    },

    /** Core loads what is newer than the newest; new e-mails can be older than that. */
    async fetchNewMessages() {
        if (this.isByDate && this.isLoaded) {
            return this.reloadNewest();
        }
        return super.fetchNewMessages(...arguments);
    },

    /**
     * Reloads as many messages as are loaded, from the newest on. Does nothing while an
     * older part is shown: scrolling up loads what is new. Messages that are posted
     * meanwhile are kept, even if the response does not include them yet.
     *
     * @returns {Promise<boolean>} false if the caller has to try again
     */
    async reloadNewest() {
        if (!this.isLoaded || this.status === "loading") {
            return false;
        }
        if (this.loadNewer) {
            return true;
        }
        const limit = Math.max(this.messages.length, this.store.FETCH_LIMIT);
        const known = new Set(this.messages.map(({id}) => id));
        this.status = "loading";
        try {
            const result = await rpc(
                this.getFetchRoute(),
                {...this.getFetchParams(), fetch_params: {limit}},
                {silent: true}
            );
            this.mailbox = result.mailbox;
            this.store.insert(result.data);
            const posted = this.messages.filter(({id}) => !known.has(id));
            this.messages = this.store["mail.message"].insert(
                result.messages.reverse()
            );
            posted.forEach((message) => this.addOrReplaceMessage(message));
            this.loadOlder = result.messages.length === limit;
        } finally {
            this.status = "ready";
        }
        this._enrichMessagesWithTransient();
        return true;
    },

    /** Core compares ids to find out whether there are older and newer messages. */
    async loadAround(messageId) {
        // Core silently drops a jump while a page is loading.
        while (this.isByDate && this.status === "loading") {
            await new Promise((resolve) => browser.setTimeout(resolve, 50));
        }
        const jumps =
            this.status !== "loading" &&
            !(this.isLoaded && this.messages.some(({id}) => id === messageId));
        await super.loadAround(...arguments);
        const index = this.messages.findIndex(({id}) => id === messageId);
        if (!jumps || !this.isByDate || !messageId || index === -1) {
            return;
        }
        const half = this.store.FETCH_LIMIT;
        this.loadOlder = index >= half - 1;
        this.loadNewer = this.messages.length - 1 - index >= half;
    },

    addOrReplaceMessage() {
        super.addOrReplaceMessage(...arguments);
        if (this.isByDate) {
            this.messages.sort(compareByDate);
        }
    },
});
