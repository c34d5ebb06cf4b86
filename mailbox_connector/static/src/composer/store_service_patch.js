import {Store} from "@mail/core/common/store_service";

import {patch} from "@web/core/utils/patch";

patch(Store.prototype, {
    /** Adds the address to send from; false: Odoo's own server. */
    async getMessagePostParams({postData}) {
        const params = await super.getMessagePostParams(...arguments);
        if (postData.mailboxSender !== undefined) {
            params.post_data.mailbox_identity_id = postData.mailboxSender;
        }
        return params;
    },
});
