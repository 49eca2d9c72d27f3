"""The event types of the vendors' documents, copied from there by hand, and not from the house's own catalogues."""

CAPTAINDNS = (
    "api_key.rotated", "api_key.revoked", "api_key.expires_soon", "usage.threshold_reached",
    "usage.overage_reported", "monitoring.alert",
)  # fmt: skip
CONNECT_DOMAIN = ("domain.added", "domain.verified", "ssl.issued", "domain.flow.completed", "domain.drift")
NOVADNS = ("host.ip_updated", "host.created", "host.deleted", "host.status_changed")
# One row of the mission each
DNSIMPLE_GROUPS = {
    "DN2-27": (
        "account.billing_settings_update", "account.payment_details_update", "account.update",
        "account.user_invitation_accept", "account.user_invitation_revoke", "account.user_invite",
        "account.user_remove",
        "certificate.issue", "certificate.reissue", "certificate.remove_private_key",
        "contact.create", "contact.delete", "contact.update",
        "dnssec.create", "dnssec.delete", "dnssec.rotation_complete", "dnssec.rotation_start",
    ),
    "DN2-28": (
        "domain.auto_renewal_disable", "domain.auto_renewal_enable", "domain.create", "domain.delegation_change",
        "domain.delete", "domain.register", "domain.register:cancelled", "domain.register:started",
        "domain.registrant_change", "domain.registrant_change:cancelled", "domain.registrant_change:started",
        "domain.renew", "domain.renew:cancelled", "domain.renew:started",
        "domain.restore", "domain.restore:cancelled", "domain.restore:started",
        "domain.resolution_disable", "domain.resolution_enable",
        "domain.transfer", "domain.transfer:cancelled", "domain.transfer:started",
        "domain.transfer_lock_disable", "domain.transfer_lock_enable",
    ),
    "DN2-29": (
        "email_forward.create", "email_forward.delete", "email_forward.update",
        "name_server.deregister", "name_server.register",
        "oauth_application.create", "oauth_application.delete", "oauth_application.reset_client_secret",
        "oauth_application.revoke_access_tokens",
        "platform_status.create",
        "push.accept", "push.initiate", "push.reject",
    ),
    "DN2-30": (
        "secondary_dns.create", "secondary_dns.delete", "secondary_dns.update",
        "subscription.migrate", "subscription.renew", "subscription.subscribe", "subscription.unsubscribe",
        "template.create", "template.delete", "template.update",
        "template_record.create", "template_record.delete",
        "vanity.disable", "vanity.enable",
    ),
    "DN2-31": (
        "webhook.create", "webhook.delete",
        "whois_privacy.disable", "whois_privacy.enable", "whois_privacy.purchase", "whois_privacy.renew",
        "zone.create", "zone.delete",
        "zone_record.create", "zone_record.delete", "zone_record.update",
    ),
}  # fmt: skip
DNSIMPLE = tuple(name for group in DNSIMPLE_GROUPS.values() for name in group)
OF = {
    "captaindns": CAPTAINDNS,
    "connect-domain": CONNECT_DOMAIN,
    "novadns": NOVADNS,
    "dnsimple": DNSIMPLE,
    "dnsimple-legacy": DNSIMPLE,
}
