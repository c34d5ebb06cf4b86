import {Attachment} from "@mail/core/common/attachment_model";

import {patch} from "@web/core/utils/patch";

/** A file of an e-mail stays as it came: core's ways to change one are not offered. */
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
