import {Component, onWillUnmount, useEffect, useState} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {standardFieldProps} from "@web/views/fields/standard_field_props";
import {useService} from "@web/core/utils/hooks";

/** Milliseconds after the last key until the servers are asked. */
const PAUSE = 600;

/** The steps of the guided set-up, and the current one. */
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

/** What to have ready for a step, and what Odoo has found out about it. */
export class SetupChecklist extends Component {
    static template = "mailbox_connector.SetupChecklist";
    static props = {...standardFieldProps, step: {type: String}};

    setup() {
        this.orm = useService("orm");
        this.servers = useState({items: [], isAsking: false});
        this.question = 0;
        if (this.props.step === "sign_in") {
            useEffect(
                () => this.askSoon(),
                () => [JSON.stringify(this.settings)]
            );
            onWillUnmount(() => clearTimeout(this.timer));
        }
    }

    get settings() {
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
        const {ca, ...servers} = this.settings;
        const question = ++this.question;
        this.servers.items = [];
        if (!servers.imap.host && !servers.smtp.host) {
            return;
        }
        this.servers.isAsking = true;
        try {
            const items = await this.orm.silent.call(
                "mailbox.account",
                "setup_test_servers",
                [servers, ca]
            );
            if (question === this.question) {
                this.servers.items = items;
            }
        } finally {
            if (question === this.question) {
                this.servers.isAsking = false;
            }
        }
    }

    get items() {
        const items = this.props.record.data[this.props.name] || {};
        return [...this.servers.items, ...(items[this.props.step] || [])];
    }

    icon(state) {
        return {
            done: "fa-check-circle text-success",
            open: "fa-circle-o text-muted",
            action_needed: "fa-exclamation-circle text-warning",
        }[state];
    }

    label(state) {
        return {
            done: _t("Done"),
            open: _t("To do"),
            action_needed: _t("Action needed"),
        }[state];
    }
}

registry.category("fields").add("mailbox_setup_checklist", {
    component: SetupChecklist,
    supportedTypes: ["json"],
    extractProps: ({options}) => ({step: options.step}),
});
