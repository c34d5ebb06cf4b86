from odoo import api, models

MODULE = "mailbox_connector"
#: Scheduled actions that several workers may share.
SHARED = ("ir_cron_new_mail", "ir_cron_backfill")


class IrCron(models.Model):
    """Workers: further records that do what our scheduled actions do.

    Odoo runs one record once at a time, so as many mailboxes are read side by side as
    there are records. Who reads which is settled by leases (``mailbox.lease``).
    """

    _inherit = "ir.cron"

    @api.model
    def _mailbox_set_workers(self, count):
        """Have each shared action ``count`` times, the first included.

        Further records begin as copies of the first, with its interval and user, and
        belong to the addon as the first does: they go when it is uninstalled.

        :raise UserError: one that has to go is running at this moment
        """
        for name in SHARED:
            first = self.env.ref(f"{MODULE}.{name}", raise_if_not_found=False)
            if not first:
                continue  # an administrator deleted it
            further = self._mailbox_further(name)
            for number in range(2, count + 1):
                if number not in further:
                    first._mailbox_add_worker(f"{name}_{number}", number)
            for number, worker in further.items():
                if number > count:
                    worker.unlink()

    @api.model
    def _mailbox_wake(self, name):
        """Run a scheduled action of ours soon, by all of its workers."""
        # sudo: any user may ask for their mailbox to be served
        first = self.env.ref(f"{MODULE}.{name}").sudo()
        first._trigger()
        for worker in self._mailbox_further(name).values():
            worker.sudo()._trigger()

    @api.model
    def _mailbox_further(self, name):
        """
        :return: {number: record} of the workers after the first
        """
        # sudo: names of our own records, not what they are
        found = (
            self.env["ir.model.data"]
            .sudo()
            .search(
                [
                    ("module", "=", MODULE),
                    ("model", "=", self._name),
                    ("name", "=like", name.replace("_", r"\_") + r"\_%"),
                ]
            )
        )
        numbers = {data.name.rpartition("_")[2]: data.res_id for data in found}
        return {
            int(number): self.browse(res_id)
            for number, res_id in numbers.items()
            if number.isdecimal()
        }

    def _mailbox_add_worker(self, name, number):
        self.ensure_one()
        worker = self.copy(
            {
                "name": f"{self.name} ({number})",
                "failure_count": 0,
                "first_failure_date": False,
                "lastcall": False,
            }
        )
        # sudo: a name of the addon's own; an update leaves the record alone
        self.env["ir.model.data"].sudo().create(
            {
                "module": MODULE,
                "name": name,
                "model": self._name,
                "res_id": worker.id,
                "noupdate": True,
            }
        )
