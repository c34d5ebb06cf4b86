import {Thread} from "@mail/core/common/thread_model";

import {patch} from "@web/core/utils/patch";

patch(Thread.prototype, {
    /**
     * The e-mail is sent after the response to posting was made, so a failed one
     * would look queued: read the outcome again.
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
