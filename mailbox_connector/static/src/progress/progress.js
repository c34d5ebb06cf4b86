import {Component, onWillUnmount, useEffect, useState} from "@odoo/owl";

import {browser} from "@web/core/browser/browser";
import {deserializeDate} from "@web/core/l10n/dates";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {useService} from "@web/core/utils/hooks";
import {formatFloat, formatInteger} from "@web/views/fields/formatters";
import {standardFieldProps} from "@web/views/fields/standard_field_props";

const {DateTime} = luxon;

/** Milliseconds without a bus message after which the server is polled. */
const POLL_AFTER = 5000;
/** States in which the server is working on an import. */
const ACTIVE = ["running", "undoing"];
const STATES = {
    running: _t("Importing"),
    paused: _t("Paused"),
    done: _t("Done"),
    stopped: _t("Cancelled"),
    undoing: _t("Undoing"),
    undone: _t("Undone"),
};

/**
 * The imports of a mailbox and their progress: first the value of the field, then what
 * the bus sends. Without bus messages, the server is polled every few seconds.
 */
export class MailboxProgress extends Component {
    static template = "mailbox_connector.Progress";
    static props = {...standardFieldProps, small: {type: Boolean, optional: true}};

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.bus = useService("bus_service");
        this.state = useState({imports: [], busy: false});
        useEffect(
            (imports) => this.show(imports || []),
            () => [this.props.record.data[this.props.name]]
        );
        const onProgress = (one) => this.onProgress(one);
        useEffect(
            (id) => {
                if (!id) {
                    return;
                }
                const channel = `mailbox_connector.progress_${id}`;
                this.bus.addChannel(channel);
                this.bus.subscribe("mailbox_connector.progress", onProgress);
                return () => {
                    this.bus.unsubscribe("mailbox_connector.progress", onProgress);
                    this.bus.deleteChannel(channel);
                };
            },
            () => [this.props.record.resId]
        );
        onWillUnmount(() => browser.clearTimeout(this.timeout));
    }

    // State

    get isActive() {
        return this.state.imports.some((one) => ACTIVE.includes(one.state));
    }

    show(imports) {
        const wasActive = this.isActive;
        this.state.imports = imports;
        this.schedulePoll();
        if (wasActive && !this.isActive) {
            this.reload();
        }
    }

    onProgress(changed) {
        if (changed.account_id !== this.props.record.resId) {
            return;
        }
        const known = this.state.imports;
        const isKnown = known.some((one) => one.id === changed.id);
        this.show(
            isKnown
                ? known.map((one) => (one.id === changed.id ? changed : one))
                : [changed, ...known]
        );
    }

    /** Poll the server if no bus message arrives: the bus may not be available. */
    schedulePoll() {
        browser.clearTimeout(this.timeout);
        if (this.isActive) {
            this.timeout = browser.setTimeout(() => this.poll(), POLL_AFTER);
        }
    }

    async poll() {
        const {resModel, resId} = this.props.record;
        try {
            const fields = [this.props.name];
            const [values] = await this.orm.silent.read(resModel, [resId], fields);
            this.show(values[this.props.name] || []);
        } catch {
            // The server cannot be reached: try again later.
            this.schedulePoll();
        }
    }

    /** The last batch has changed other fields of the form, too. */
    async reload() {
        const {record} = this.props;
        if (!this.props.small && !(await record.isDirty())) {
            await record.load();
        }
    }

    // Actions

    async run(one, method) {
        this.state.busy = true;
        try {
            const action = await this.orm.call("mailbox.backfill", method, [one.id]);
            if (action) {
                await this.action.doAction(action, {onClose: () => this.poll()});
            } else {
                await this.poll();
            }
        } finally {
            this.state.busy = false;
        }
    }

    async openImports() {
        const {resId} = this.props.record;
        this.action.doAction(
            await this.orm.call("mailbox.account", "action_view_imports", [resId])
        );
    }

    // Texts

    get canEdit() {
        return this.props.record.data.can_edit;
    }

    /** The import to show where there is room for one only. */
    get current() {
        const {imports} = this.state;
        return (
            imports.find((one) => ACTIVE.includes(one.state) && !this.isWaiting(one)) ||
            imports.find((one) => one.state === "paused")
        );
    }

    label(one) {
        return this.isWaiting(one) ? _t("Waiting") : STATES[one.state];
    }

    /** Active, without a percentage to show yet. */
    isBeginning(one) {
        return ACTIVE.includes(one.state) && !this.isWaiting(one) && !this.percent(one);
    }

    title(one) {
        const day = deserializeDate(one.since).toLocaleString(DateTime.DATE_MED);
        return one.folders.length
            ? _t("E-mails since %(day)s: %(folders)s", {
                  day,
                  folders: one.folders.join(", "),
              })
            : _t("E-mails since %s", day);
    }

    isOpen(one) {
        return one.state === "running" || one.state === "paused";
    }

    percent(one) {
        const [done, total] =
            one.state === "undoing"
                ? [one.undone + one.kept, one.undo_total]
                : [one.seen, one.total];
        return total ? Math.min(100, Math.floor((100 * done) / total)) : 0;
    }

    /** Imports of a mailbox are processed one after the other, oldest first. */
    isWaiting(one) {
        return (
            one.state === "running" &&
            !one.seen &&
            this.state.imports.some(
                (other) => other.state === "running" && other.id < one.id
            )
        );
    }

    counts(one) {
        const number = formatInteger;
        if (one.state === "undoing") {
            return [_t("Removed: %s", number(one.undone))];
        }
        if (one.state === "undone") {
            const parts = [_t("Removed: %s", number(one.undone))];
            if (one.kept) {
                parts.push(_t("Kept: %s", number(one.kept)));
            }
            return parts;
        }
        if (one.state === "running" && !one.total && !one.seen) {
            return [
                this.isWaiting(one)
                    ? _t("Starts when the previous import is finished.")
                    : _t("Preparing…"),
            ];
        }
        const parts = [
            this.isOpen(one)
                ? _t("%(seen)s of %(total)s e-mails checked", {
                      seen: number(one.seen),
                      total: number(Math.max(one.total, one.seen)),
                  })
                : _t("E-mails checked: %s", number(one.seen)),
            _t("with your contacts: %s", number(one.matched)),
        ];
        if (one.newsletters) {
            parts.push(_t("newsletters skipped: %s", number(one.newsletters)));
        }
        if (one.failed) {
            parts.push(_t("failed: %s", number(one.failed)));
        }
        return parts;
    }

    pace(one) {
        if (one.state === "paused") {
            return _t("Nothing is imported until you press Resume.");
        }
        if (one.problem) {
            return _t("The undo has stopped: %s", one.problem);
        }
        if (one.state === "stopped") {
            return _t(
                "E-mails imported before you cancelled are kept unless you undo this import."
            );
        }
        if (one.state !== "running" || one.seconds_left === null) {
            return "";
        }
        const rate = formatFloat(one.rate, {digits: [16, one.rate < 10 ? 1 : 0]});
        return [_t("%s e-mails per second", rate), this.timeLeft(one)].join(" · ");
    }

    timeLeft({seconds_left: seconds}) {
        if (seconds < 60) {
            return _t("less than a minute left");
        }
        const minutes = Math.round(seconds / 60);
        if (minutes === 1) {
            return _t("about a minute left");
        }
        if (minutes < 90) {
            return _t("about %s minutes left", minutes);
        }
        return _t("about %s hours left", Math.round(minutes / 60));
    }
}

export const mailboxProgress = {
    component: MailboxProgress,
    displayName: _t("Import progress"),
    supportedTypes: ["json"],
    extractProps: ({options, viewType}) => ({
        small: options.small ?? viewType !== "form",
    }),
};

registry.category("fields").add("mailbox_progress", mailboxProgress);
