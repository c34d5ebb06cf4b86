from odoo import models
from odoo.exceptions import UserError

from ..engine.errors import EngineError
from ..engine.smtp.session import open_smtp
from ..exceptions import explain
from .mailbox_sync import NOW, NOW_HARD


class MailboxAccount(models.Model):
    """What failed is tried once more, because somebody says so."""

    # Apart from the fields: each file is about one thing.
    # pylint: disable=consider-merging-classes-inherited
    _inherit = "mailbox.account"

    def action_try_again(self):
        """Try what failed once more: at once for one mailbox, soon for several."""
        self.check_access("read")
        failed = self.filtered("can_try_again")
        if len(failed) != 1:
            # sudo: members use a mailbox, its state is written by the server
            failed.sudo().write({"retry_at": False, "needs_person": False})
            for account in failed.filtered("smtp_problem"):
                account._release_waiting()
            self._wake("ir_cron_new_mail")
            return self._tell("success", self.env._("They are tried in a moment."))
        problems = []
        if failed.imap_problem:
            sync_service = self.env["mailbox.sync"]
            sync = sync_service._sync(failed, "history", NOW, NOW_HARD, by_person=True)
            self.env.invalidate_all()
            if not sync:
                problems.append(
                    failed.imap_problem
                    or self.env._("This mailbox is being read at this moment.")
                )
        if failed.smtp_problem and (problem := failed._try_sending()):
            problems.append(problem)
        self.env.invalidate_all()
        if problems:
            return self._tell("danger", "\n".join(problems))
        return self._tell("success", self.env._("It works again."))

    def _try_sending(self):
        """Sign in to SMTP; what waits goes when that works.

        :return: why it does not, in words
        """
        # sudo: members use a mailbox, its settings are its owner's
        account = self.sudo()
        try:
            open_smtp(account._endpoint("smtp"), account._egress_policy()).quit()
        except EngineError as error:
            problem = explain(self.env, error, account.provider_id)
            account._note_smtp(problem, error)
            return problem
        except UserError as error:
            return str(error)
        account._note_smtp(False)
        account._release_waiting()
        return False
