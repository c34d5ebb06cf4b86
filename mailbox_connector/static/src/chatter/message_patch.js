import {Message} from "@mail/core/common/message_model";
import {fields} from "@mail/core/common/record";

import {_t} from "@web/core/l10n/translation";
import {patch} from "@web/core/utils/patch";

patch(Message.prototype, {
    setup() {
        super.setup(...arguments);
        /** @type {string[]|undefined} addresses of the mailboxes that have the e-mail */
        this.mailbox_emails = undefined;
        /** @type {boolean|undefined} whether Reply replies to the e-mail shown */
        this.mailbox_can_reply = undefined;
        /** @type {string|undefined} its kind, if no person wrote it */
        this.mailbox_automatic = undefined;
        /** What is shown above its text: that it is encrypted, or an invitation. */
        this.mailbox_card = fields.Html(undefined);
    },

    get mailboxTitle() {
        if (!this.mailbox_emails?.length) {
            return undefined;
        }
        return _t("E-mail from the mailbox %s", this.mailbox_emails.join(", "));
    },
});
