import {Component, useEffect, useRef} from "@odoo/owl";

import {Chatter} from "@mail/chatter/web_portal/chatter";
import "@mail/chatter/web/chatter_patch";

import {_t} from "@web/core/l10n/translation";
import {KeepLast} from "@web/core/utils/concurrency";
import {useService} from "@web/core/utils/hooks";

/** The line above the recipients that selects the address to send from. */
export class MailboxSender extends Component {
    static template = "mailbox_connector.Sender";
    static props = {thread: {type: Object}};

    setup() {
        this.orm = useService("orm");
        this.select = useRef("select");
        this.keepLast = new KeepLast();
        useEffect(
            () => {
                this.load();
            },
            () => [
                this.props.thread.localId,
                this.props.thread.hasMailboxSenders,
                this.partnerIds.join(),
            ]
        );
        // Not by the `selected` attribute of an option: a person's choice overrides that.
        useEffect(
            (el, value) => {
                if (el) {
                    el.value = value || "";
                }
            },
            () => [this.select.el, this.composer.mailboxSender, this.senders.length]
        );
    }

    get composer() {
        return this.props.thread.composer;
    }

    get senders() {
        return this.composer.mailboxSenders?.senders ?? [];
    }

    get hint() {
        return _t(
            "Customers receive the message from this address. Colleagues are notified by Odoo."
        );
    }

    get partnerIds() {
        const {suggestedRecipients, additionalRecipients} = this.props.thread;
        return [...suggestedRecipients, ...additionalRecipients]
            .map((recipient) => recipient.partner_id)
            .filter(Boolean);
    }

    async load() {
        const {composer} = this;
        const {hasMailboxSenders, id, model} = this.props.thread;
        if (!hasMailboxSenders) {
            return;
        }
        composer.mailboxSenders = await this.keepLast.add(
            this.orm.silent.call("mailbox.identity", "get_senders", [
                model,
                id,
                this.partnerIds,
            ])
        );
    }

    onChange(ev) {
        this.composer.mailboxChoice = Number(ev.target.value) || false;
    }
}

Object.assign(Chatter.components, {MailboxSender});
