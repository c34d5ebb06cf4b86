import {Attachment} from "@mail/core/common/attachment_model";

import {patch} from "@web/core/utils/patch";

/** Attachments of an imported e-mail cannot be changed or deleted. */
patch(Attachment.prototype, {
    setup() {
        super.setup(...arguments);
        /** @type {boolean|undefined} */
        this.from_mailbox = undefined;
    },

    get isDeletable() {
        return !this.from_mailbox && super.isDeletable;
    },

    async setPdfThumbnail() {
        if (!this.from_mailbox) {
            await super.setPdfThumbnail();
        }
    },
});
