import {Composer} from "@mail/core/common/composer";
import "@mail/core/web/composer_patch";

import {toRaw} from "@odoo/owl";

import {browser} from "@web/core/browser/browser";
import {patch} from "@web/core/utils/patch";

/** The selected sender is kept when sending, in drafts and in the full composer. */
patch(Composer.prototype, {
    get mailboxSender() {
        const composer = toRaw(this.props.composer);
        return this.props.type === "message" ? composer.mailboxSender : undefined;
    },

    get postData() {
        return {...super.postData, mailboxSender: this.mailboxSender};
    },

    get fullComposerAdditionalContext() {
        const context = super.fullComposerAdditionalContext;
        const sender = this.mailboxSender;
        return sender === undefined
            ? context
            : {...context, default_mailbox_identity_id: sender};
    },

    saveContent() {
        super.saveContent(...arguments);
        const composer = toRaw(this.props.composer);
        const draft = browser.localStorage.getItem(composer.localId);
        if (draft && composer.mailboxChoice !== undefined) {
            browser.localStorage.setItem(
                composer.localId,
                JSON.stringify({
                    ...JSON.parse(draft),
                    mailboxChoice: composer.mailboxChoice,
                })
            );
        }
    },

    restoreContent() {
        super.restoreContent(...arguments);
        const composer = toRaw(this.props.composer);
        const draft = browser.localStorage.getItem(composer.localId);
        const choice = draft && JSON.parse(draft).mailboxChoice;
        if (choice === false || Number.isInteger(choice)) {
            composer.mailboxChoice = choice;
        }
    },
});
