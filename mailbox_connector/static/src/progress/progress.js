import {Component, onWillUnmount, useEffect, useState} from "@odoo/owl";

import {browser} from "@web/core/browser/browser";
import {deserializeDate} from "@web/core/l10n/dates";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {useService} from "@web/core/utils/hooks";
import {formatFloat, formatInteger} from "@web/views/fields/formatters";
import {standardFieldProps} from "@web/views/fields/standard_field_props";

const {DateTime} = luxon;

/** Milliseconds without news after which it is asked how things stand. */
const CALM = 5000;
/** States in which something is being done. */
const AT_WORK = ["running", "undoing"];
const STATES = {
    running: _t("Importing"),
    paused: _t("Paused"),
    done: _t("Done"),
    stopped: _t("Cancelled"),
    undoing: _t("Being undone"),
    undone: _t("Undone"),
};

/**
 * The imports of a mailbox's history and how they get on: what the record says, then
 * what the bus tells, and without it what is asked for every few seconds.
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
        const onNews = (news) => this.onNews(news);
        useEffect(
            (id) => {
                if (!id) {
                    return;
                }
                const channel = `mailbox_connector.progress_${id}`;
                this.bus.addChannel(channel);
                this.bus.subscribe("mailbox_connector.progress", onNews);
                return () => {
                    this.bus.unsubscribe("mailbox_connector.progress", onNews);
                    this.bus.deleteChannel(channel);
                };
            },
            () => [this.props.record.resId]
        );
        onWillUnmount(() => browser.clearTimeout(this.timeout));
    }

    // What is known

    get isAtWork() {
        return this.state.imports.some((one) => AT_WORK.includes(one.state));
    }

    show(imports) {
        const wasAtWork = this.isAtWork;
        this.state.imports = imports;
        this.wait();
        if (wasAtWork && !this.isAtWork) {
            this.reload();
        }
    }

    onNews(news) {
        if (news.account_id !== this.props.record.resId) {
            return;
        }
        const known = this.state.imports;
        const isKnown = known.some((one) => one.id === news.id);
        this.show(
            isKnown
                ? known.map((one) => (one.id === news.id ? news : one))
                : [news, ...known]
        );
    }

    /** Ask by ourselves, should no news come: there may be no bus. */
    wait() {
        browser.clearTimeout(this.timeout);
        if (this.isAtWork) {
            this.timeout = browser.setTimeout(() => this.ask(), CALM);
        }
    }

    async ask() {
        const {resModel, resId} = this.props.record;
        try {
            const fields = [this.props.name];
            const [values] = await this.orm.silent.read(resModel, [resId], fields);
            this.show(values[this.props.name] || []);
        } catch {
            // The server is away: asked again.
            this.wait();
        }
    }

    /** Other fields of the form have changed with the last batch. */
    async reload() {
        const {record} = this.props;
        if (!this.props.small && !(await record.isDirty())) {
            await record.load();
        }
    }

    // What a person does

    async press(one, method) {
        this.state.busy = true;
        try {
            const action = await this.orm.call("mailbox.backfill", method, [one.id]);
            if (action) {
                await this.action.doAction(action, {onClose: () => this.ask()});
            } else {
                await this.ask();
            }
        } finally {
            this.state.busy = false;
        }
    }

    async all() {
        const {resId} = this.props.record;
        this.action.doAction(
            await this.orm.call("mailbox.account", "action_view_imports", [resId])
        );
    }

    // In words

    get canEdit() {
        return this.props.record.data.can_edit;
    }

    /** The one import that a list has room for. */
    get shortly() {
        const {imports} = this.state;
        return (
            imports.find(
                (one) => AT_WORK.includes(one.state) && !this.isWaiting(one)
            ) || imports.find((one) => one.state === "paused")
        );
    }

    label(one) {
        return this.isWaiting(one) ? _t("Waits its turn") : STATES[one.state];
    }

    /** At work, and nobody can tell yet how far. */
    isBeginning(one) {
        const isAtWork = AT_WORK.includes(one.state) && !this.isWaiting(one);
        return isAtWork && !this.percent(one);
    }

    title(one) {
        const day = deserializeDate(one.since).toLocaleString(DateTime.DATE_MED);
        return one.folders.length
            ? _t("History back to %(day)s: %(folders)s", {
                  day,
                  folders: one.folders.join(", "),
              })
            : _t("History back to %s", day);
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

    /** Earlier ones of the same mailbox are served first. */
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
            return [_t("Taken out: %s", number(one.undone))];
        }
        if (one.state === "undone") {
            const parts = [_t("Taken out: %s", number(one.undone))];
            if (one.kept) {
                parts.push(_t("Kept: %s", number(one.kept)));
            }
            return parts;
        }
        if (one.state === "running" && !one.total && !one.seen) {
            return [
                this.isWaiting(one)
                    ? _t("Waits until the import before it is done.")
                    : _t("Being prepared…"),
            ];
        }
        const parts = [
            this.isOpen(one)
                ? _t("%(seen)s of %(total)s e-mails looked at", {
                      seen: number(one.seen),
                      total: number(Math.max(one.total, one.seen)),
                  })
                : _t("E-mails looked at: %s", number(one.seen)),
            _t("with your contacts: %s", number(one.matched)),
        ];
        if (one.bulk) {
            parts.push(_t("newsletters left out: %s", number(one.bulk)));
        }
        if (one.failed) {
            parts.push(_t("could not be read: %s", number(one.failed)));
        }
        return parts;
    }

    pace(one) {
        if (one.state === "paused") {
            return _t("Nothing is imported until you press Go on.");
        }
        if (one.problem) {
            return _t("The undo has stopped: %s", one.problem);
        }
        if (one.state === "stopped") {
            return _t("What had come in by then stays, until you undo this import.");
        }
        if (one.state !== "running" || one.seconds_left === null) {
            return "";
        }
        const rate = formatFloat(one.rate, {digits: [16, one.rate < 10 ? 1 : 0]});
        return [_t("%s e-mails a second", rate), this.timeLeft(one)].join(" · ");
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
    displayName: _t("Import of history"),
    supportedTypes: ["json"],
    extractProps: ({options, viewType}) => ({
        small: options.small ?? viewType !== "form",
    }),
};

registry.category("fields").add("mailbox_progress", mailboxProgress);
