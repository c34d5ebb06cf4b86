{
    "name": "Mailbox Connector",
    "summary": "Connect any IMAP/SMTP mailbox: mail on contacts, answers from it",
    "version": "19.0.1.0.0",
    "development_status": "Beta",
    "category": "Discuss",
    "author": "Mailbox Connector contributors",
    "website": "https://example.com/mailbox-connector",
    "license": "LGPL-3",
    "depends": ["mail", "base_setup"],
    "external_dependencies": {
        "python": ["imapclient", "cryptography", "nh3"],
    },
    "data": [
        "security/mailbox_groups.xml",
        "security/ir.model.access.csv",
        "security/mailbox_rules.xml",
        "data/ir_cron.xml",
        "data/ir_cron_sending.xml",
        "wizards/mailbox_connect_views.xml",
        "wizards/mailbox_test_mail_views.xml",
        "views/mailbox_message_views.xml",
        "views/mailbox_quarantine_views.xml",
        "views/mailbox_account_views.xml",
        "views/mailbox_sending_views.xml",
        "views/mailbox_menus.xml",
        "views/res_config_settings_views.xml",
        "views/res_partner_views.xml",
    ],
    "assets": {
        "web.assets_backend": [
            "mailbox_connector/static/src/**/*",
        ],
        "web.assets_tests": [
            "mailbox_connector/static/tests/tours/**/*",
        ],
    },
    "uninstall_hook": "uninstall_hook",
}
