import {Chatter} from "@mail/chatter/web_portal/chatter";
import "@mail/chatter/web/chatter_patch";

import {onWillUnmount, status, useEffect} from "@odoo/owl";

import {browser} from "@web/core/browser/browser";
import {useService} from "@web/core/utils/hooks";
import {patch} from "@web/core/utils/patch";

/** Milliseconds in which several new e-mails are combined into one request. */
const DEBOUNCE = 500;

patch(Chatter.prototype, {
    setup() {
        super.setup();
        this.mailboxBus = useService("bus_service");
        const onMail = ({partner_id}) => this.onMailboxMail(partner_id);
        useEffect(
            (contactId) => {
                if (!contactId) {
                    return;
                }
                const channel = `mailbox_connector.contact_${contactId}`;
                this.mailboxBus.addChannel(channel);
                this.mailboxBus.subscribe("mailbox_connector.contact/mail", onMail);
                return () => {
                    this.mailboxBus.unsubscribe(
                        "mailbox_connector.contact/mail",
                        onMail
                    );
                    this.mailboxBus.deleteChannel(channel);
                };
            },
            () => [this.state.thread?.mailbox && this.state.thread.id]
        );
        onWillUnmount(() => browser.clearTimeout(this.mailboxTimeout));
    },

    /** Show new e-mails of the contact; several at once cause one reload. */
    onMailboxMail(contactId) {
        const {thread} = this.state;
        if (thread.id !== contactId || this.mailboxTimeout) {
            return;
        }
        this.mailboxTimeout = browser.setTimeout(async () => {
            this.mailboxTimeout = undefined;
            const done = await thread.reloadNewest();
            if (status(this) === "destroyed") {
                return;
            }
            if (!done) {
                this.onMailboxMail(contactId);
                return;
            }
            this.load(thread, ["attachments"]);
            const {record} = this.props;
            if (record && !record.dirty) {
                await record.load();
            }
        }, DEBOUNCE);
    },
});
