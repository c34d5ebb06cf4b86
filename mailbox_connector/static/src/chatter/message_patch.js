import {Message} from "@mail/core/common/message_model";

import {_t} from "@web/core/l10n/translation";
import {patch} from "@web/core/utils/patch";

patch(Message.prototype, {
    setup() {
        super.setup(...arguments);
        /** @type {string[]|undefined} addresses of the mailboxes an e-mail was seen in */
        this.mailbox_emails = undefined;
    },

    get mailboxTitle() {
        if (!this.mailbox_emails?.length) {
            return undefined;
        }
        return _t("E-mail from the mailbox %s", this.mailbox_emails.join(", "));
    },
});
