import {Component, onMounted, onWillStart, onWillUnmount, useState} from "@odoo/owl";

import {CopyButton} from "@web/core/copy_button/copy_button";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {useService} from "@web/core/utils/hooks";
import {standardWidgetProps} from "@web/views/widgets/standard_widget_props";

const NAMES = {imap: _t("Reading (IMAP)"), smtp: _t("Sending (SMTP)")};
/** The address of a web page, without what ends the sentence behind it. */
const PAGE = /(https:\/\/\S*[^\s.,:;)])/;
const EVENT = "mailbox_connector/connection_test";

/** What each state of a step looks like, and its name for screen readers. */
const STATES = {
    waiting: {icon: "fa-circle-o text-muted", name: _t("Waiting")},
    running: {icon: "fa-circle-o-notch fa-spin text-info", name: _t("Running")},
    ok: {icon: "fa-check-circle text-success", name: _t("Done")},
    warning: {icon: "fa-exclamation-triangle text-warning", name: _t("Warning")},
    failed: {icon: "fa-times-circle text-danger", name: _t("Failed")},
    not_reached: {icon: "fa-minus text-muted", name: _t("Not reached")},
};

/** The test of one server: its steps, what failed, and what to do about it. */
export class ServerTest extends Component {
    static template = "mailbox_connector.ServerTest";
    static components = {CopyButton};
    static props = {
        result: Object,
        busy: Boolean,
        useAlternative: Function,
    };

    get isAbsent() {
        return !this.props.result.steps.length;
    }

    get isImap() {
        return this.props.result.side === "imap";
    }

    get title() {
        const {ok} = this.props.result;
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
        return this.name;
    }

    get name() {
        return NAMES[this.props.result.side];
    }

    get useAlternativeText() {
        return this.isImap ? _t("Use this for reading") : _t("Use this for sending");
    }

    /** What is wrong, cut at addresses of web pages. */
    get problem() {
        return this.props.result.problem.split(PAGE).map((text, index) => ({
            text,
            isPage: Boolean(index % 2),
        }));
    }

    /** Pages that the sentence does not name itself. */
    get links() {
        const {links, problem} = this.props.result;
        return links.filter(({url}) => !problem.includes(url));
    }

    get transcript() {
        return this.props.result.transcript.join("\n");
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

/** The connection test of a mailbox, shown while it runs. */
export class ConnectionTest extends Component {
    static template = "mailbox_connector.ConnectionTest";
    static components = {ServerTest};
    static props = standardWidgetProps;

    setup() {
        this.orm = useService("orm");
        this.bus = useService("bus_service");
        this.number = 0;
        this.state = useState({
            busy: !this.record.data.is_tested,
            error: "",
            results: this.stored,
        });
        this.onStep = this.onStep.bind(this);
        this.useAlternative = this.useAlternative.bind(this);
        onWillStart(() => {
            this.bus.subscribe(EVENT, this.onStep);
            this.bus.start();
        });
        onWillUnmount(() => this.bus.unsubscribe(EVENT, this.onStep));
        onMounted(() => {
            if (!this.record.data.is_tested) {
                this.run();
            }
        });
    }

    get record() {
        return this.props.record;
    }

    /** What the dialog knew when it was opened. */
    get stored() {
        return {...this.record.data.test_results};
    }

    get results() {
        return Object.keys(NAMES)
            .map((side) => this.state.results[side])
            .filter(Boolean);
    }

    /** For screen readers. */
    get summary() {
        if (this.state.busy) {
            return _t("Both servers are being tested.");
        }
        const sentences = {imap: _t("Reading works."), smtp: _t("Sending works.")};
        return this.results
            .filter(({steps}) => steps.length)
            .map(({side, ok, problem}) =>
                ok ? sentences[side] : problem ? `${NAMES[side]}: ${problem}` : ""
            )
            .join(" ");
    }

    onStep({dialog, number, result}) {
        if (dialog === this.record.resId && number === this.number) {
            this.state.results[result.side] = result;
        }
    }

    /** Test again; what was chosen in the dialog is kept. */
    async again() {
        if (!this.record.data.is_tested || (await this.record.save())) {
            await this.run();
        }
    }

    async useAlternative(side) {
        const use = () =>
            this.orm.call("mailbox.connect", "use_alternative", [this.id, side]);
        if (await this.ask(use)) {
            await this.run();
        }
    }

    async run() {
        const number = Date.now();
        this.number = number;
        await this.ask(async () => {
            const results = await this.orm.silent.call("mailbox.connect", "run_test", [
                this.id,
                number,
            ]);
            this.number = 0;
            this.state.results = results;
            await this.record.load();
        });
    }

    get id() {
        return [this.record.resId];
    }

    /** Whether Odoo answered; if not, shows why, and the user can try again. */
    async ask(question) {
        this.state.busy = true;
        this.state.error = "";
        try {
            await question();
            return true;
        } catch (error) {
            this.state.error = error.data?.message || _t("Odoo does not respond.");
            return false;
        } finally {
            this.state.busy = false;
        }
    }
}

registry.category("view_widgets").add("mailbox_connection_test", {
    component: ConnectionTest,
    fieldDependencies: [
        {name: "test_results", type: "json"},
        {name: "is_tested", type: "boolean"},
    ],
});
