import {Component, onMounted, onWillStart, onWillUnmount, useState} from "@odoo/owl";

import {CopyButton} from "@web/core/copy_button/copy_button";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {useService} from "@web/core/utils/hooks";
import {standardWidgetProps} from "@web/views/widgets/standard_widget_props";

const SIDES = ["imap", "smtp"];
/** A web page, without what ends the sentence behind it. */
const PAGE = /(https:\/\/\S*[^\s.,:;)])/;
const EVENT = "mailbox_connector/check";

/** What each state of a step looks like, and what it is called for who cannot see it. */
const STATES = {
    waiting: {icon: "fa-circle-o text-muted", name: _t("Waits")},
    running: {icon: "fa-circle-o-notch fa-spin text-info", name: _t("Under way")},
    ok: {icon: "fa-check-circle text-success", name: _t("Done")},
    warning: {icon: "fa-exclamation-triangle text-warning", name: _t("Take note")},
    failed: {icon: "fa-times-circle text-danger", name: _t("Failed")},
    not_reached: {icon: "fa-minus text-muted", name: _t("Not reached")},
};

/** One side of the check: its steps, what failed, and what to do about it. */
export class MailboxCheckSide extends Component {
    static template = "mailbox_connector.CheckSide";
    static components = {CopyButton};
    static props = {
        words: Object,
        busy: Boolean,
        useWay: Function,
    };

    get isAbsent() {
        return !this.props.words.steps.length;
    }

    get isImap() {
        return this.props.words.side === "imap";
    }

    get title() {
        const {ok} = this.props.words;
        if (ok) {
            return this.isImap
                ? _t("Reading (IMAP) works")
                : _t("Sending (SMTP) works");
        }
        if (ok === false) {
            return this.isImap
                ? _t("Reading (IMAP) does not work")
                : _t("Sending (SMTP) does not work");
        }
        return this.isImap ? _t("Reading (IMAP)") : _t("Sending (SMTP)");
    }

    get useWayText() {
        return this.isImap ? _t("Use that for reading") : _t("Use that for sending");
    }

    /** "Reading (IMAP): ", for who hears the sentence without its heading. */
    get side() {
        const {problem, sentence} = this.props.words;
        return problem.slice(0, problem.length - sentence.length);
    }

    /** The sentence, cut where addresses of web pages stand in it. */
    get sentence() {
        return this.props.words.sentence.split(PAGE).map((text, index) => ({
            text,
            isPage: Boolean(index % 2),
        }));
    }

    /** Pages that the sentence does not name itself. */
    get links() {
        const {links, sentence} = this.props.words;
        return links.filter(({url}) => !sentence.includes(url));
    }

    get transcript() {
        return this.props.words.transcript.join("\n");
    }

    get copyText() {
        return _t("Copy");
    }

    get copiedText() {
        return _t("Copied");
    }

    stateOf(step) {
        return STATES[step.state];
    }
}

/** The check of both sides of a mailbox, before the eyes of who asked for it. */
export class MailboxCheck extends Component {
    static template = "mailbox_connector.Check";
    static components = {MailboxCheckSide};
    static props = standardWidgetProps;

    setup() {
        this.orm = useService("orm");
        this.bus = useService("bus_service");
        this.number = 0;
        this.state = useState({
            busy: !this.record.data.is_checked,
            error: "",
            words: this.kept,
        });
        this.onStep = this.onStep.bind(this);
        this.useWay = this.useWay.bind(this);
        onWillStart(() => {
            this.bus.subscribe(EVENT, this.onStep);
            this.bus.start();
        });
        onWillUnmount(() => this.bus.unsubscribe(EVENT, this.onStep));
        onMounted(() => {
            if (!this.record.data.is_checked) {
                this.check();
            }
        });
    }

    get record() {
        return this.props.record;
    }

    /** What the dialog knew when it was opened. */
    get kept() {
        return {...this.record.data.checks};
    }

    get sides() {
        return SIDES.map((side) => this.state.words[side]).filter(Boolean);
    }

    /** In one sentence, for who listens instead of looking. */
    get summary() {
        if (this.state.busy) {
            return _t("Both servers are being tried.");
        }
        const titles = this.sides
            .filter((words) => words.steps.length)
            .map((words) =>
                words.ok
                    ? words.side === "imap"
                        ? _t("Reading works.")
                        : _t("Sending works.")
                    : words.problem || ""
            );
        return titles.join(" ");
    }

    onStep({dialog, number, words}) {
        if (dialog === this.record.resId && number === this.number) {
            this.state.words[words.side] = words;
        }
    }

    /** Another try; what was chosen in the dialog is kept. */
    async again() {
        if (!this.record.data.is_checked || (await this.record.save())) {
            await this.check();
        }
    }

    async useWay(side) {
        const take = () => this.orm.call("mailbox.connect", "use_way", [this.id, side]);
        if (await this.ask(take)) {
            await this.check();
        }
    }

    async check() {
        const number = Date.now();
        this.number = number;
        await this.ask(async () => {
            const words = await this.orm.silent.call("mailbox.connect", "check", [
                this.id,
                number,
            ]);
            this.number = 0;
            this.state.words = words;
            await this.record.load();
        });
    }

    get id() {
        return [this.record.resId];
    }

    /** Whether there was an answer. Shows what went wrong with the question itself, and lets it be asked again. */
    async ask(question) {
        this.state.busy = true;
        this.state.error = "";
        try {
            await question();
            return true;
        } catch (error) {
            this.state.error = error.data?.message || _t("Odoo does not answer.");
            return false;
        } finally {
            this.state.busy = false;
        }
    }
}

registry.category("view_widgets").add("mailbox_check", {
    component: MailboxCheck,
    fieldDependencies: [
        {name: "checks", type: "json"},
        {name: "is_checked", type: "boolean"},
    ],
});
