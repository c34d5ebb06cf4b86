"""Our scheduled actions: they continue at once, and several sync in parallel."""

from datetime import timedelta

from odoo import api, fields, models

MODULE = "mailbox_connector"
#: Scheduled actions that can have several workers.
SHARED = ("ir_cron_new_mail", "ir_cron_backfill")


class IrCron(models.Model):
    """Our scheduled actions continue at once if more is left, and have workers.

    Odoo leaves an action whose time was over to its next look at the database, which
    is up to a minute later. Ours are announced with the commit that ends the run, as
    any trigger is: a free worker continues, or the same one after the other actions
    that are ready. Other actions are not affected.

    Workers are copies of our scheduled actions. Odoo never runs a record twice at the
    same time, so the number of records is the number of mailboxes synced in parallel.
    Leases (``mailbox.lease``) decide which worker syncs which.
    """

    _inherit = "ir.cron"

    @api.model
    def _mailbox_set_workers(self, count):
        """Have ``count`` records of each shared action, the first included.

        Extra records start as copies of the first, with its interval and user, and like
        it belong to the addon: uninstalling removes them.

        :raise UserError: one that has to be removed is running right now
        """
        for name in SHARED:
            first = self.env.ref(f"{MODULE}.{name}", raise_if_not_found=False)
            if not first:
                continue  # an administrator deleted it
            extra = self._mailbox_extra_workers(name)
            for number in range(2, count + 1):
                if number not in extra:
                    first._mailbox_add_worker(f"{name}_{number}", number)
            for number, worker in extra.items():
                if number > count:
                    worker.unlink()

    @api.model
    def _reschedule_asap(self, job):
        result = super()._reschedule_asap(job)
        if self._mailbox_is_ours(job["id"]):
            self.env.cr.postcommit.add(self._notifydb)
        return result

    @api.model
    def _mailbox_is_ours(self, cron_id):
        # sudo: only the names of our own records are read
        return bool(
            self.env["ir.model.data"]
            .sudo()
            .search_count(
                [
                    ("module", "=", MODULE),
                    ("model", "=", self._name),
                    ("res_id", "=", cron_id),
                ],
                limit=1,
            )
        )

    @api.model
    def _mailbox_trigger(self, name):
        """Run one of our scheduled actions soon, by all of its workers."""
        if first := self._mailbox_first(name):
            first._trigger()
            for worker in self._mailbox_extra_workers(name).values():
                worker.sudo()._trigger()

    @api.model
    def _mailbox_trigger_at(self, name, moment):
        """Run one of our scheduled actions at ``moment`` (UTC), to the minute.

        Many may ask for the same minute, which makes one trigger.
        """
        first = self._mailbox_first(name)
        if not first:
            return
        minute = moment.replace(second=0, microsecond=0)
        if minute < moment:
            minute += timedelta(minutes=1)
        # sudo: triggers have no rights of their own
        same = (
            self.env["ir.cron.trigger"]
            .sudo()
            .search_count([("cron_id", "=", first.id), ("call_at", "=", minute)], 1)
        )
        # One of the past may belong to a run that has begun.
        if not same or minute <= fields.Datetime.now():
            first._trigger(minute)

    @api.model
    def _mailbox_first(self, name):
        """The first worker; empty if an administrator deleted it."""
        found = self.env.ref(f"{MODULE}.{name}", raise_if_not_found=False)
        # sudo: any user may have their mailbox synced
        return (found or self.browse()).sudo()

    @api.model
    def _mailbox_extra_workers(self, name):
        """
        :return: {number: record} of the workers after the first
        """
        # sudo: only the names of our own records are read
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
        # sudo: a name in our own module; updates do not change the record
        self.env["ir.model.data"].sudo().create(
            {
                "module": MODULE,
                "name": name,
                "model": self._name,
                "res_id": worker.id,
                "noupdate": True,
            }
        )
