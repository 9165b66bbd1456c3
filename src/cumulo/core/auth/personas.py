"""Who may do a thing, as the defaults of rules. Each constant is policy language and names a base rule.

A service with other words for a persona (network's `rule:admin_only`, identity's `rule:admin_required`)
declares its own constant in its `policy.py`; the base rules they refer to are in every enforcer.
"""

ADMIN = "rule:context_is_admin"
SERVICE = "rule:service_api"
ADMIN_OR_SERVICE = "rule:admin_or_service_api"
PROJECT_READER = "rule:project_reader_api"
PROJECT_MEMBER = "rule:project_member_api"
PROJECT_READER_OR_ADMIN = "rule:project_reader_or_admin"
PROJECT_MEMBER_OR_ADMIN = "rule:project_member_or_admin"
PROJECT_MANAGER_OR_ADMIN = "rule:project_manager_or_admin"
ANYONE = "@"
