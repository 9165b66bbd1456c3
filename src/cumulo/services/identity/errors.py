"""What can go wrong in identity; the docstrings are Keystone's sentences."""

from cumulo.core.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated


class UserNotFound(NotFound):
    """Could not find user: {id}."""


class GroupNotFound(NotFound):
    """Could not find group: {id}."""


class ProjectNotFound(NotFound):
    """Could not find project: {id}."""


class DomainNotFound(NotFound):
    """Could not find domain: {id}."""


class RoleNotFound(NotFound):
    """Could not find role: {id}."""


class ServiceNotFound(NotFound):
    """Could not find service: {id}."""


class EndpointNotFound(NotFound):
    """Could not find endpoint: {id}."""


class RegionNotFound(NotFound):
    """Could not find region: {id}."""


class EventNotFound(NotFound):
    """Could not find audit event: {id}."""


class ApplicationCredentialNotFound(NotFound):
    """Could not find application credential: {id}."""


class AccessRuleNotFound(NotFound):
    """Could not find access rule: {id}."""


class AssignmentNotFound(NotFound):
    """Could not find role assignment with role: {role_id}, user or group: {actor_id}, target: {target_id}."""


class RoleOfOtherDomain(Forbidden):
    """Project {project_id} must be in the same domain as the role {role_id} being assigned."""


class ImplicationNotFound(NotFound):
    """Could not find inference rule: {prior_id} implies {implied_id}."""


class MembershipNotFound(NotFound):
    """Could not find user {user_id} in group {group_id}."""


class TagNotFound(NotFound):
    """Could not find project tag: {id}."""


class TokenNotFound(NotFound):
    """Could not find token."""


class NameTaken(Conflict):
    """Conflict occurred attempting to store {kind} - Duplicate entry found with name {name}{where}."""


class AlreadyThere(Conflict):
    """Conflict occurred attempting to store {kind} - Duplicate entry found with ID {id}."""


class DomainEnabled(Forbidden):
    """Cannot delete a domain that is enabled, please disable it first."""


class DefaultDomainIndelible(Forbidden):
    """Cannot delete the default domain."""


class ProjectHasChildren(Forbidden):
    """Cannot delete project {id}: it is not a leaf in the hierarchy."""


class ProjectTooDeep(Forbidden):
    """Max hierarchy depth reached for {id} branch."""


class ProjectTreeEnabled(Forbidden):
    """Cannot disable project {id} since its subtree contains enabled projects."""


class ProjectParentDisabled(Forbidden):
    """Cannot enable project {id} since it has disabled parents."""


class RegionHasChildren(Forbidden):
    """Unable to delete region {id} because it or its child regions have associated endpoints."""


class AccessRuleInUse(Forbidden):
    """The access rule {id} is in use by an application credential."""


class CredentialRestricted(Forbidden):
    """A token that acts by delegation, and is not unrestricted, may not manage what logs in by itself."""


class CredentialNotFound(NotFound):
    """Could not find credential: {id}."""


class PolicyNotFound(NotFound):
    """Could not find policy: {id}."""


class TrustNotFound(NotFound):
    """Could not find trust: {id}."""


class SignatureWrong(Unauthenticated):
    """The EC2 signature is not right, or too old."""


class RoleNotHeld(Invalid):
    """The user has no role {role} on the project, so an application credential cannot carry it."""


class ImpliesItself(Forbidden):
    """The role {id} would come to imply itself."""


class WrongDomain(Invalid):
    """The parent {parent_id} is not in the domain {domain_id}."""


class ScopeWithCredential(Invalid):
    """An application credential has a scope of its own; the request may not ask for another."""


class AuthMethodUnknown(Unauthenticated):
    """The request you have made requires authentication."""


class LoginRefused(Unauthenticated):
    """The request you have made requires authentication."""

    # As bare as its parent: `why` and `user_id` are for the audit log, never for the client.


class WrongPassword(Unauthenticated):
    """The request you have made requires authentication."""


class CallNotAllowed(Forbidden):
    """The access rules of the application credential do not allow this call."""


class RegisteredLimitNotFound(NotFound):
    """Could not find registered limit: {id}."""


class LimitNotFound(NotFound):
    """Could not find limit: {id}."""


class EndpointGroupNotFound(NotFound):
    """Could not find endpoint group: {id}."""


class EndpointNotSeen(NotFound):
    """The project {project_id} is not associated with {id}."""


class NoPolicyThere(NotFound):
    """No policy is associated with {place}."""


class DomainConfigNotFound(NotFound):
    """Could not find {what} in the domain configuration for domain {domain_id}."""


class DomainConfigInvalid(Forbidden):
    """Invalid domain configuration: {reason}."""


class LimitUnregistered(Forbidden):
    """Unable to create a limit that has no corresponding registered limit."""


class RegisteredLimitInUse(Forbidden):
    """Unable to change or delete registered limit {id}, because project limits refer to it."""


class LimitBreaksTree(Forbidden):
    """The limit {limit} is in conflict with the hierarchy: {reason}."""


class Immutable(Forbidden):
    """Unable to {verb} immutable {kind} resource: `{id}`. Set resource option "immutable" to false first."""


class ConsumerNotFound(NotFound):
    """Could not find consumer: {id}."""


class RequestTokenNotFound(NotFound):
    """Could not find request token: {id}."""


class AccessTokenNotFound(NotFound):
    """Could not find access token: {id}."""


class OwnProjectPurged(Forbidden):
    """The project that the token is for cannot be purged with it. Use a token for another project."""


class DomainPurged(Forbidden):
    """{id} is a domain; only projects are purged."""


class ProjectsBelow(Forbidden):
    """Project {id} has projects below it: {names}. They are purged with it when that is asked for."""
