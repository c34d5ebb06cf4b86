import {Notification} from "@mail/core/common/notification_model";

import {patch} from "@web/core/utils/patch";

patch(Notification.prototype, {
    setup() {
        super.setup(...arguments);
        /**
         * The outcome of an e-mail sent from a mailbox, if there is something to show.
         *
         * @type {{
         *     reason: string,
         *     until: string|false,
         *     unknown: boolean,
         *     retry: boolean
         * }|false|undefined}
         */
        this.mailbox_delivery = undefined;
    },
});
