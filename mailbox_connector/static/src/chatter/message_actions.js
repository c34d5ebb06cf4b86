import {messageActionsRegistry} from "@mail/core/common/message_actions";
import "@mail/core/web/message_actions_patch";

import {_t} from "@web/core/l10n/translation";

/** A composer that the server has prepared: its recipients are those of the e-mail. */
function answer(kind) {
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

function isAnswered({message, thread}) {
    return Boolean(
        message.mailbox_can_reply && thread && thread.model !== "discuss.channel"
    );
}

messageActionsRegistry.add("mailbox-reply", {
    condition: isAnswered,
    icon: "fa fa-reply",
    name: _t("Reply"),
    onSelected: answer("reply"),
    sequence: 11,
});

/** Core's action for all other messages, and ours in its place for an e-mail. */
function replace(id, kind, definition) {
    const core = messageActionsRegistry.get(id);
    const choose = (name) => (params) => {
        const chosen = isAnswered(params) ? definition[name] : core[name];
        return typeof chosen === "function" ? chosen(params) : chosen;
    };
    messageActionsRegistry.add(
        id,
        {
            ...core,
            condition: (params) => isAnswered(params) || core.condition(params),
            icon: choose("icon"),
            onSelected: (params, ev) =>
                isAnswered(params)
                    ? answer(kind)(params)
                    : core.onSelected.call(params.action, params, ev),
            sequence: choose("sequence"),
        },
        {force: true}
    );
}

replace("reply-all", "reply_all", {icon: "fa fa-reply-all", sequence: 12});
replace("forward", "forward", {icon: "fa fa-share", sequence: 13});
