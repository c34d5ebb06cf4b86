import {Composer} from "@mail/core/common/composer_model";

import {patch} from "@web/core/utils/patch";

/** Which address of ours the message that is being written leaves as. */
patch(Composer.prototype, {
    setup() {
        super.setup(...arguments);
        /**
         * What the server offers; undefined as long as it has not been asked.
         *
         * @type {{
         *     senders: {id: number, label: string, email: string}[],
         *     default: number|false
         * }|undefined}
         */
        this.mailboxSenders = undefined;
        /** @type {number|false|undefined} false: Odoo's own server; undefined: as offered */
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
