import {Component} from "@odoo/owl";

import {Message} from "@mail/core/common/message";
import {MessageNotificationPopover} from "@mail/core/common/message_notification_popover";
import "@mail/core/web/message_patch";

import {deserializeDateTime} from "@web/core/l10n/dates";
import {_t} from "@web/core/l10n/translation";
import {usePopover} from "@web/core/popover/popover_hook";
import {patch} from "@web/core/utils/patch";

const {DateTime} = luxon;

/** Why one recipient has not received the e-mail yet, and what can be done. */
export class MailboxDelivery extends Component {
    static template = "mailbox_connector.Delivery";
    static props = {
        notification: {type: Object},
        decide: {type: Function},
    };

    get delivery() {
        return this.props.notification.mailbox_delivery;
    }

    get until() {
        const {until} = this.delivery;
        if (!until) {
            return "";
        }
        const time = deserializeDateTime(until);
        const isToday = time.hasSame(DateTime.local(), "day");
        return _t(
            "Waiting until %s.",
            time.toLocaleString(isToday ? DateTime.TIME_SIMPLE : DateTime.DATETIME_MED)
        );
    }
}

/** Core's list of recipients, with what happened to the e-mail of each. */
export class MailboxNotificationPopover extends MessageNotificationPopover {
    static template = "mailbox_connector.NotificationPopover";
    static components = {MailboxDelivery};

    get canRetry() {
        return this.props.message.notification_ids.some(
            ({mailbox_delivery: delivery}) => delivery?.retry && !delivery.unknown
        );
    }

    async onRetry() {
        await this.call("mailbox_retry", [], _t("It will be sent again."));
    }

    /** A person says whether an e-mail of unknown outcome was sent. */
    async onDecide(notification, arrived) {
        const done = arrived ? _t("Marked as sent.") : _t("It will be sent again.");
        await this.call("mailbox_decide", [notification.id, arrived], done);
    }

    async call(method, args, done) {
        const {message} = this.props;
        const {notification, orm} = this.env.services;
        // Close the popover first: what it shows changes while the e-mail is sent.
        this.props.close?.();
        await orm.call("mail.message", method, [[message.id], ...args]);
        notification.add(done, {type: "info"});
    }
}

patch(Message.prototype, {
    setup() {
        super.setup(...arguments);
        this.mailboxPopover = usePopover(MailboxNotificationPopover, {
            position: "top",
        });
    },

    onClickNotification(ev) {
        const {message} = this;
        if (!message.notification_ids.some((one) => one.mailbox_delivery)) {
            return super.onClickNotification(...arguments);
        }
        this.mailboxPopover.open(ev.target, {message});
    },
});
