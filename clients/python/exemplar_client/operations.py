"""Every operation of the API, one line each: `client.api.read_project(project_id)`."""

from collections.abc import Mapping

from exemplar_client.operation import AsyncApi, Operation, SyncApi, delete, get, patch, post, put

_API = "/api/v1"
_AUTH = f"{_API}/auth"
_DEVELOPERS = f"{_API}/developers"
_DEVELOPER = f"{_DEVELOPERS}/{{developer_id}}"
_PROJECTS = f"{_API}/projects"
_PROJECT = f"{_PROJECTS}/{{project_id}}"
_USER = f"{_PROJECT}/users/{{user_id}}"
_EVENT_TYPES = f"{_API}/event-types"
_ENDPOINTS = f"{_PROJECT}/webhooks"
_ENDPOINT = f"{_ENDPOINTS}/{{endpoint_id}}"
_DELIVERY = f"{_ENDPOINT}/deliveries/{{delivery_id}}"
_GENERATIONS = f"{_API}/generation/generations-v2"
_GENERATION = f"{_GENERATIONS}/{{generation_id}}"
_AUDIT = f"{_API}/audit"
_CONSUMERS = f"{_AUDIT}/consumers"
_CONSUMER = f"{_CONSUMERS}/{{consumer}}"
_ERASURES = f"{_API}/erasures"
_PULLS = f"{_PROJECT}/consumers"
_PULL = f"{_PULLS}/{{consumer}}"
_BULKS = f"{_PROJECT}/bulk"
_BULK = f"{_BULKS}/{{job_id}}"
_CONTROLS = f"{_API}/controls"
_OPERATIONS = f"{_API}/operations"
_PARKED = f"{_OPERATIONS}/parked"
_DEAD_LETTERS = f"{_OPERATIONS}/dead-letters"
_PROJECTIONS = f"{_OPERATIONS}/projections"


class Operations:
    """The table; a test compares it with the document that the service serves (`/openapi.json`)."""

    # sessions and accounts
    log_in = post(f"{_AUTH}/login")
    refresh_session = post(f"{_AUTH}/refresh")
    log_out = post(f"{_AUTH}/logout")
    register = post(f"{_AUTH}/register")
    read_own_account = get(f"{_AUTH}/me")
    delete_own_account = delete(f"{_AUTH}/me")
    set_own_password = post(f"{_AUTH}/password")
    list_developer_keys = get(f"{_AUTH}/developer-keys")
    create_developer_key = post(f"{_AUTH}/developer-keys")
    revoke_developer_key = delete(f"{_AUTH}/developer-keys/{{key_id}}")

    # developers, for operators
    list_developers = get(_DEVELOPERS)
    read_developer = get(_DEVELOPER)
    set_tier = put(f"{_DEVELOPER}/tier")
    reset_developer_password = put(f"{_DEVELOPER}/password")
    read_developer_history = get(f"{_DEVELOPER}/history")
    read_generation_history = get(f"{_GENERATION}/history")
    read_platform_history = get(f"{_API}/platform/history")

    # projects and their users
    list_projects = get(_PROJECTS)
    create_project = post(_PROJECTS)
    list_projects_slash = get(f"{_PROJECTS}/")
    create_project_slash = post(f"{_PROJECTS}/")
    read_projects_stats = get(f"{_PROJECTS}/stats")
    list_projects_users = get(f"{_PROJECTS}/users")
    read_project = get(_PROJECT)
    change_project = put(_PROJECT)
    delete_project = delete(_PROJECT)
    read_project_stats = get(f"{_PROJECT}/stats")
    list_api_keys = get(f"{_PROJECT}/api-keys")
    create_api_key = post(f"{_PROJECT}/api-keys")
    revoke_api_key = delete(f"{_PROJECT}/api-keys/{{api_key_id}}")
    list_users = get(f"{_PROJECT}/users")
    read_user = get(_USER)
    delete_user = delete(_USER)
    reset_user_password = put(f"{_USER}/password")

    list_access_keys = get(f"{_USER}/access-keys")
    create_access_key = post(f"{_USER}/access-keys")
    revoke_access_key = delete(f"{_USER}/access-keys/{{access_key_id}}")

    # webhooks
    read_webhook_keys = get("/.well-known/webhook-keys")
    list_event_types = get(_EVENT_TYPES)
    read_event_type = get(f"{_EVENT_TYPES}/{{event_type}}")
    read_event_schema = get(f"{_EVENT_TYPES}/{{event_type}}/schemas/{{revision}}")
    read_log_schema = get(f"{_EVENT_TYPES}/{{event_type}}/log-schemas/{{revision}}")
    list_endpoints = get(_ENDPOINTS)
    create_endpoint = post(_ENDPOINTS)
    read_endpoint = get(_ENDPOINT)
    change_endpoint = patch(_ENDPOINT)
    delete_endpoint = delete(_ENDPOINT)
    enable_endpoint = post(f"{_ENDPOINT}/enable")
    disable_endpoint = post(f"{_ENDPOINT}/disable")
    rotate_endpoint_secret = post(f"{_ENDPOINT}/rotate")
    read_endpoint_stats = get(f"{_ENDPOINT}/stats")
    send_example = post(f"{_ENDPOINT}/test")
    recover_deliveries = post(f"{_ENDPOINT}/recover")
    list_deliveries = get(f"{_ENDPOINT}/deliveries")
    read_delivery = get(_DELIVERY)
    resend_delivery = post(f"{_DELIVERY}/resend")
    resend_deliveries = post(f"{_ENDPOINT}/resend")
    replay_missing = post(f"{_ENDPOINT}/replay-missing")
    read_default_secret = get(f"{_API}/webhooks/default/secret")
    rotate_default_secret = post(f"{_API}/webhooks/default/secret/rotate")

    # generations
    submit = post(f"{_API}/generation/generate-v2")
    list_generations = get(_GENERATIONS)
    list_public_generations = get(f"{_API}/generation/public-generations-v2")
    list_project_generations = get(f"{_PROJECT}/generations")
    read_project_generation = get(f"{_PROJECT}/generations/{{generation_id}}")
    read_generation = get(_GENERATION)
    read_status = get(f"{_GENERATION}/status")
    explain_generation = get(f"{_GENERATION}/explain")
    cancel_generation = post(f"{_GENERATION}/cancel")
    retry_generation = post(f"{_GENERATION}/retry")
    publish_generation = patch(f"{_GENERATION}/public")
    delete_generation = delete(_GENERATION)
    delete_older_generation = delete(f"{_API}/generation/generations/{{generation_id}}")
    read_image = get(f"{_GENERATION}/image")
    read_picture = get(f"{_GENERATION}/images/{{number}}")
    read_example = get(f"{_GENERATION}/examples/{{number}}")
    read_receipt = get(f"{_GENERATION}/receipt")
    read_usage = get(f"{_API}/usage")

    # events
    read_events = get(f"{_GENERATION}/events")
    read_own_events = get(f"{_GENERATIONS}/events")
    read_project_events = get(f"{_PROJECT}/events")
    issue_ticket = post(f"{_GENERATION}/events/ticket")
    issue_own_ticket = post(f"{_GENERATIONS}/events/ticket")
    issue_project_ticket = post(f"{_PROJECT}/events/ticket")

    # consumers of a project's events
    list_project_consumers = get(_PULLS)
    read_project_consumer = get(_PULL)
    put_project_consumer = put(_PULL)
    delete_project_consumer = delete(_PULL)
    lease_events = post(f"{_PULL}/lease")
    acknowledge_events = post(f"{_PULL}/acknowledge")

    # actions on many generations
    plan_bulk = post(_BULKS)
    list_bulks = get(_BULKS)
    read_bulk = get(_BULK)
    start_bulk = post(f"{_BULK}/start")
    cancel_bulk = delete(_BULK)

    # operation, for operators
    list_controls = get(_CONTROLS)
    begin_maintenance = put(f"{_CONTROLS}/maintenance")
    end_maintenance = delete(f"{_CONTROLS}/maintenance")
    limit_queue = put(f"{_CONTROLS}/queue")
    unlimit_queue = delete(f"{_CONTROLS}/queue")
    stop_provider = put(f"{_CONTROLS}/providers/{{provider}}")
    resume_provider = delete(f"{_CONTROLS}/providers/{{provider}}")
    pause_developer = put(f"{_CONTROLS}/developers/{{developer_id}}")
    resume_developer = delete(f"{_CONTROLS}/developers/{{developer_id}}")
    pause_project = put(f"{_CONTROLS}/projects/{{project_id}}")
    resume_project = delete(f"{_CONTROLS}/projects/{{project_id}}")
    list_parked_events = get(_PARKED)
    read_parked_event = get(f"{_PARKED}/{{entry}}")
    replay_parked_events = post(f"{_PARKED}/replay")
    discard_parked_events = post(f"{_PARKED}/discard")
    list_dead_letters = get(_DEAD_LETTERS)
    read_dead_letter = get(f"{_DEAD_LETTERS}/{{entry}}")
    replay_dead_letters = post(f"{_DEAD_LETTERS}/replay")
    discard_dead_letters = post(f"{_DEAD_LETTERS}/discard")
    read_service_status = get(f"{_OPERATIONS}/status")
    search = get(f"{_OPERATIONS}/search")
    read_projections = get(_PROJECTIONS)
    compare_projections = post(f"{_PROJECTIONS}/drift")
    rebuild_projections = post(f"{_PROJECTIONS}/rebuild")

    # erasure
    read_generation_erasure = get(f"{_ERASURES}/generations/{{generation_id}}")
    erase_generation = post(f"{_ERASURES}/generations/{{generation_id}}")
    read_user_erasure = get(f"{_ERASURES}/users/{{user_id}}")
    erase_user = post(f"{_ERASURES}/users/{{user_id}}")
    read_project_erasure = get(f"{_ERASURES}/projects/{{project_id}}")
    erase_project = post(f"{_ERASURES}/projects/{{project_id}}")

    # the log
    read_log = get(f"{_AUDIT}/events")
    list_accesses = get(f"{_AUDIT}/accesses")
    read_generation_as_of = get(f"{_AUDIT}/generations/{{generation_id}}")
    compare_generation = get(f"{_AUDIT}/generations/{{generation_id}}/diff")
    read_audited_receipt = get(f"{_AUDIT}/generations/{{generation_id}}/receipt")
    read_endpoint_as_of = get(f"{_AUDIT}/endpoints/{{endpoint_id}}")
    compare_endpoint = get(f"{_AUDIT}/endpoints/{{endpoint_id}}/diff")
    read_developer_as_of = get(f"{_AUDIT}/developers/{{developer_id}}")
    compare_developer = get(f"{_AUDIT}/developers/{{developer_id}}/diff")
    read_quota_as_of = get(f"{_AUDIT}/developers/{{developer_id}}/quota")
    compare_quota = get(f"{_AUDIT}/developers/{{developer_id}}/quota/diff")
    read_verification_keys = get(f"{_AUDIT}/keys")
    read_checkpoint = get(f"{_AUDIT}/checkpoint")
    cosign_checkpoint = post(f"{_AUDIT}/checkpoint")
    prove_consistency = get(f"{_AUDIT}/consistency")
    prove_event = get(f"{_AUDIT}/proof")
    check_invariants = get(f"{_AUDIT}/invariants")
    list_consumers = get(_CONSUMERS)
    read_consumer = get(_CONSUMER)
    put_consumer = put(_CONSUMER)
    delete_consumer = delete(_CONSUMER)
    acknowledge = post(f"{_CONSUMER}/acknowledge")

    # OpenAI's form
    edit_images = post("/v1/images/edits")
    list_models = get("/v1/models")
    read_model = get("/v1/models/{model}")

    # for programs of language models
    call_mcp = post("/mcp")

    # the service
    call_back = post(f"{_API}/provider/{{provider}}")
    read_service = get("/")
    read_health = get(f"{_API}/health")
    read_health_at_root = get("/health")
    read_liveness = get("/health/live")
    read_readiness = get("/health/ready")
    read_detailed_health = get(f"{_API}/health/detailed")
    read_database_health = get(f"{_API}/health/database")
    read_storage_health = get(f"{_API}/health/storage")
    read_broker_health = get(f"{_API}/health/broker")
    read_redis_health = get(f"{_API}/health/redis")
    read_openapi = get("/openapi.json")


class SyncOperations(Operations, SyncApi):
    """Every operation of a Client."""


class AsyncOperations(Operations, AsyncApi):
    """Every operation of an AsyncClient, to be awaited."""


def operations() -> Mapping[str, Operation]:
    """Return every operation by its name."""
    return {name: one for name, one in vars(Operations).items() if isinstance(one, Operation)}
