"""What happens when the addon is uninstalled."""

#: Messages deleted at a time.
BATCH = 1000
#: States of a queued e-mail that has not been sent.
QUEUED = ("outgoing", "exception")


def uninstall_hook(env):
    """Leave a working Odoo that shows nobody e-mails that they could not read before.

    The record rule that restricts e-mails to their readers is removed with the addon,
    and Odoo itself knows no members of a mailbox: e-mails that not all internal users
    could read are deleted. The others become internal messages with their own files.
    """
    _stop_sending(env)
    _delete_restricted(env)
    _hand_over(env)
    _delete_files(env)
    env["ir.config_parameter"].search(
        [("key", "=like", "mailbox\\_connector.%")]
    ).unlink()
    env.invalidate_all()


def _stop_sending(env):
    """Cancel queued e-mails of mailboxes, and remove the mailboxes' servers: without
    the addon another server would send them."""
    waiting = env["mail.mail"].search(
        [
            ("state", "in", QUEUED),
            "|",
            "|",
            ("mailbox_account_id", "!=", False),
            ("mailbox_email_from", "!=", False),
            ("mail_server_id.mailbox_account_id", "!=", False),
        ]
    )
    waiting.write(
        {
            "state": "cancel",
            "failure_reason": env._(
                "The mailbox was removed together with Mailbox Connector."
            ),
        }
    )
    env["mail.notification"].search(
        [
            ("mail_mail_id", "in", waiting.ids),
            ("notification_status", "not in", ("sent", "canceled")),
        ]
    ).notification_status = "canceled"
    servers = env["ir.mail_server"].with_context(active_test=False)
    servers.search([("mailbox_account_id", "!=", False)]).unlink()


def _delete_restricted(env):
    """Delete copies that not every internal user could read: those of mailboxes for
    members only, and of a company's mailbox on a contact that other companies see."""
    env.flush_all()
    env.cr.execute(
        """
        SELECT message.id
          FROM mail_message message
          LEFT JOIN res_partner contact
            ON message.model = 'res.partner' AND contact.id = message.res_id
         WHERE message.mailbox_audience_id IS NOT NULL
           AND NOT EXISTS (
                SELECT FROM mailbox_account_mailbox_audience_rel rel
                  JOIN mailbox_account account ON account.id = rel.mailbox_account_id
                 WHERE rel.mailbox_audience_id = message.mailbox_audience_id
                   AND account.visibility = 'everyone'
                   AND (contact.company_id = account.company_id
                        OR (SELECT count(*) FROM res_company) = 1))
        """
    )
    ids = [row[0] for row in env.cr.fetchall()]
    for start in range(0, len(ids), BATCH):
        env["mail.message"].browse(ids[start : start + BATCH]).unlink()


def _hand_over(env):
    """Turn the remaining copies into internal comments: this is the only type of
    internal message that Odoo hides from a portal user who requests one by its id.

    Files are attached to the messages, not to the contact, because a portal user may
    open those of their own contact.
    """
    env.flush_all()
    env.cr.execute(
        """
        UPDATE mail_message SET message_type = 'comment', is_internal = true
         WHERE mailbox_audience_id IS NOT NULL
        """
    )
    env.cr.execute(
        """
        UPDATE ir_attachment file
           SET res_model = 'mail.message', res_id = copy.id
          FROM (SELECT mailbox_message_id, min(id) AS id
                  FROM mail_message
                 WHERE mailbox_audience_id IS NOT NULL
                 GROUP BY mailbox_message_id) copy
         WHERE file.res_model = 'mailbox.message'
           AND file.res_id = copy.mailbox_message_id
        """
    )
    env.invalidate_all()


def _delete_files(env):
    """Delete the files of our own records: of e-mails no longer shown, and raw mail."""
    own = [
        name
        for name, model in env.registry.items()
        if model._original_module == "mailbox_connector"
    ]
    # Searching by id as well finds files of binary fields.
    env["ir.attachment"].search(
        [("res_model", "in", own), ("id", "!=", False)]
    ).unlink()
