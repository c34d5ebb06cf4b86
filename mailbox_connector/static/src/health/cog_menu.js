import {Component, xml} from "@odoo/owl";

import {DropdownItem} from "@web/core/dropdown/dropdown_item";
import {STATIC_ACTIONS_GROUP_NUMBER} from "@web/search/action_menus/action_menus";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {useService} from "@web/core/utils/hooks";
import {user} from "@web/core/user";

const MANAGER = "mailbox_connector.group_mailbox_manager";

/** An entry above the list and the cards of mailboxes that opens another list. */
class MailboxEntry extends Component {
    static template = xml`
        <DropdownItem onSelected.bind="open">
            <i t-attf-class="fa fa-fw {{icon}} me-1"/><t t-out="label"/>
        </DropdownItem>`;
    static components = {DropdownItem};
    static props = {};

    setup() {
        this.action = useService("action");
    }

    open() {
        return this.action.doAction(this.target);
    }
}

class MailboxRuns extends MailboxEntry {
    icon = "fa-history";
    label = _t("What was read");
    target = "mailbox_connector.mailbox_run_action";
}

class MailboxQuarantine extends MailboxEntry {
    icon = "fa-exclamation-triangle";
    label = _t("E-mails that could not be read");
    target = "mailbox_connector.mailbox_quarantine_action";
}

class MailboxSenders extends MailboxEntry {
    icon = "fa-paper-plane-o";
    label = _t("Default senders");
    target = "mailbox_connector.mailbox_sender_rule_action";
}

class MailboxProviders extends MailboxEntry {
    icon = "fa-server";
    label = _t("Providers");
    target = "mailbox_connector.mailbox_provider_action";
}

function isMailboxes({config, searchModel}) {
    const isMany = ["kanban", "list"].includes(config.viewType);
    return isMany && searchModel.resModel === "mailbox.account";
}

const items = registry.category("cogMenu");
for (const [sequence, entry] of [MailboxRuns, MailboxQuarantine].entries()) {
    items.add(
        entry.name,
        {
            Component: entry,
            groupNumber: STATIC_ACTIONS_GROUP_NUMBER,
            isDisplayed: isMailboxes,
        },
        {sequence: 50 + sequence}
    );
}
for (const [sequence, entry] of [MailboxSenders, MailboxProviders].entries()) {
    items.add(
        entry.name,
        {
            Component: entry,
            groupNumber: STATIC_ACTIONS_GROUP_NUMBER,
            isDisplayed: (env) => isMailboxes(env) && user.hasGroup(MANAGER),
        },
        {sequence: 60 + sequence}
    );
}
