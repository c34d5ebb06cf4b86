import {Thread} from "@mail/core/common/thread_model";

import {patch} from "@web/core/utils/patch";

patch(Thread.prototype, {
    /**
     * Mail is sent before the answer to posting comes, which does not know of that
     * yet: without asking again what failed would look queued.
     */
    async post() {
        const message = await super.post(...arguments);
        if (message?.notification_ids.some((one) => one.mailbox_delivery)) {
            const {orm} = this.store.env.services;
            const ids = [message.id];
            orm.silent
                .call("mail.message", "mailbox_delivery", [ids])
                .then((data) => this.store.insert(data));
        }
        return message;
    },
});
