import {messageActionsRegistry} from "@mail/core/common/message_actions";
import "@mail/core/web/message_actions_patch";

import {_t} from "@web/core/l10n/translation";

/** Opens a composer prepared by the server, with the recipients of the e-mail. */
function openReply(kind) {
    return async ({message, owner, thread}) => {
        const {action, orm} = owner.env.services;
        const composer = await orm.call("mail.message", "action_mailbox_reply", [
            [message.id],
            kind,
        ]);
        await action.doAction(composer, {
            onClose: () => {
                if (thread.model !== "mail.box") {
                    thread.fetchNewMessages();
                }
            },
        });
    };
}

function isMailboxEmail({message, thread}) {
    return Boolean(
        message.mailbox_can_reply && thread && thread.model !== "discuss.channel"
    );
}

messageActionsRegistry.add("mailbox-reply", {
    condition: isMailboxEmail,
    icon: "fa fa-reply",
    name: _t("Reply"),
    onSelected: openReply("reply"),
    sequence: 11,
});

/** Replaces a core action for imported e-mails; other messages keep core's. */
function replace(id, kind, definition) {
    const core = messageActionsRegistry.get(id);
    const choose = (name) => (params) => {
        const chosen = isMailboxEmail(params) ? definition[name] : core[name];
        return typeof chosen === "function" ? chosen(params) : chosen;
    };
    messageActionsRegistry.add(
        id,
        {
            ...core,
            condition: (params) => isMailboxEmail(params) || core.condition(params),
            icon: choose("icon"),
            onSelected: (params, ev) =>
                isMailboxEmail(params)
                    ? openReply(kind)(params)
                    : core.onSelected.call(params.action, params, ev),
            sequence: choose("sequence"),
        },
        {force: true}
    );
}

replace("reply-all", "reply_all", {icon: "fa fa-reply-all", sequence: 12});
replace("forward", "forward", {icon: "fa fa-share", sequence: 13});
