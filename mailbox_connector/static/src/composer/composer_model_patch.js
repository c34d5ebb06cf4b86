import {Composer} from "@mail/core/common/composer_model";

import {patch} from "@web/core/utils/patch";

/** The address that the message being written is sent from. */
patch(Composer.prototype, {
    setup() {
        super.setup(...arguments);
        /**
         * What the server offers; undefined until it has been loaded.
         *
         * @type {{
         *     senders: {id: number, label: string, email: string}[],
         *     default: number|false
         * }|undefined}
         */
        this.mailboxSenders = undefined;
        /** @type {number|false|undefined} false: Odoo's own server; undefined: the default */
        this.mailboxChoice = undefined;
    },

    /** @returns {number|false|undefined} undefined: there is nothing to choose */
    get mailboxSender() {
        if (!this.mailboxSenders?.senders.length) {
            return undefined;
        }
        const offered = [false, ...this.mailboxSenders.senders.map(({id}) => id)];
        return offered.includes(this.mailboxChoice)
            ? this.mailboxChoice
            : this.mailboxSenders.default;
    },

    clear() {
        super.clear(...arguments);
        this.mailboxChoice = undefined;
    },
});
