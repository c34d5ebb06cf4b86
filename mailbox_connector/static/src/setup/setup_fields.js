import {Component, onWillUnmount, useEffect, useState} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {standardFieldProps} from "@web/views/fields/standard_field_props";
import {useService} from "@web/core/utils/hooks";

/** Milliseconds after the last key until servers are asked. */
const PAUSE = 600;

/** Where a person is among the steps. */
export class SetupSteps extends Component {
    static template = "mailbox_connector.SetupSteps";
    static props = {...standardFieldProps};

    get steps() {
        const {selection} = this.props.record.fields[this.props.name];
        const steps = selection.filter(([name]) => name !== "done");
        const current = steps.findIndex(
            ([name]) => name === this.props.record.data[this.props.name]
        );
        return steps.map(([name, label], index) => ({
            name,
            label,
            number: index + 1,
            isCurrent: index === current,
            isPast: index < current,
        }));
    }
}

registry.category("fields").add("mailbox_setup_steps", {
    component: SetupSteps,
    supportedTypes: ["selection"],
});

/** What to have ready for a step, with what the program found out by itself. */
export class SetupChecks extends Component {
    static template = "mailbox_connector.SetupChecks";
    static props = {...standardFieldProps, step: {type: String}};

    setup() {
        this.orm = useService("orm");
        this.reached = useState({checks: [], isAsking: false});
        this.question = 0;
        if (this.props.step === "sign_in") {
            useEffect(
                () => this.askSoon(),
                () => [JSON.stringify(this.servers)]
            );
            onWillUnmount(() => clearTimeout(this.timer));
        }
    }

    get servers() {
        const data = this.props.record.data;
        const side = (name) => ({
            host: data[`${name}_host`],
            port: data[`${name}_port`],
            security: data[`${name}_security`],
        });
        return {imap: side("imap"), smtp: side("smtp"), ca: data.ca_certificate};
    }

    askSoon() {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.ask(), PAUSE);
    }

    async ask() {
        const {ca, ...servers} = this.servers;
        const question = ++this.question;
        this.reached.checks = [];
        if (!servers.imap.host && !servers.smtp.host) {
            return;
        }
        this.reached.isAsking = true;
        try {
            const checks = await this.orm.silent.call(
                "mailbox.account",
                "setup_reach",
                [servers, ca]
            );
            if (question === this.question) {
                this.reached.checks = checks;
            }
        } finally {
            if (question === this.question) {
                this.reached.isAsking = false;
            }
        }
    }

    get checks() {
        const checks = this.props.record.data[this.props.name] || {};
        return [...this.reached.checks, ...(checks[this.props.step] || [])];
    }

    icon(state) {
        return {
            done: "fa-check-circle text-success",
            open: "fa-circle-o text-muted",
            needs_you: "fa-exclamation-circle text-warning",
        }[state];
    }

    label(state) {
        return {
            done: _t("Done"),
            open: _t("To do"),
            needs_you: _t("Needs you"),
        }[state];
    }
}

registry.category("fields").add("mailbox_setup_checks", {
    component: SetupChecks,
    supportedTypes: ["json"],
    extractProps: ({options}) => ({step: options.step}),
});
