/**
 * An access key of one end user: one secret instead of five headers.
 */
export class AccessKey {
    /** @param {string} key `ek_...` */
    constructor(key: string);
    /** The headers that a submission needs besides the bearer token. @returns {Record<string, string>} */
    get submissionHeaders(): Record<string, string>;
    /** @returns {Promise<string>} the bearer token */
    token(): Promise<string>;
    /** An access key cannot be renewed. @returns {Promise<boolean>} */
    renew(): Promise<boolean>;
    #private;
}
/**
 * The tokens of a session, renewed by the refresh token, which works once.
 *
 * `onChange` is called with new tokens, so that a page can keep them.
 */
export class Tokens {
    /**
     * @param {string} baseUrl
     * @param {{access_token: string, refresh_token: string}} tokens
     * @param {{submissionHeaders?: Record<string, string>, onChange?: (tokens: object) => void}} [options]
     */
    constructor(baseUrl: string, tokens: {
        access_token: string;
        refresh_token: string;
    }, { submissionHeaders, onChange }?: {
        submissionHeaders?: Record<string, string>;
        onChange?: (tokens: object) => void;
    });
    baseUrl: string;
    tokens: {
        access_token: string;
        refresh_token: string;
    };
    submissionHeaders: Record<string, string>;
    onChange: (tokens: object) => void;
    token(): Promise<string>;
    /**
     * Get new tokens unless `used` has been replaced meanwhile; concurrent callers share one request.
     * @param {string} used the token that was refused
     */
    renew(used: string): Promise<boolean>;
    #private;
}
/**
 * E-mail and password of an end user with the keys of their project; logs in at the first request.
 */
export class PasswordLogin {
    /**
     * @param {string} baseUrl
     * @param {{email: string, password: string, projectId: string, developerKey: string, apiKey: string}} login
     */
    constructor(baseUrl: string, { email, password, projectId, developerKey, apiKey }: {
        email: string;
        password: string;
        projectId: string;
        developerKey: string;
        apiKey: string;
    });
    baseUrl: string;
    /** @returns {Record<string, string>} */
    get submissionHeaders(): Record<string, string>;
    token(): Promise<string>;
    /** @param {string} used the token that was refused */
    renew(used: string): Promise<boolean>;
    #private;
}
