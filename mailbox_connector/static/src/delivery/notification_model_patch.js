import {Notification} from "@mail/core/common/notification_model";

import {patch} from "@web/core/utils/patch";

patch(Notification.prototype, {
    setup() {
        super.setup(...arguments);
        /**
         * What became of mail of a mailbox, where there is something to say.
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
