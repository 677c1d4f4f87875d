// A route said once: its address, who may call it, its schemas, its answers and its handler. Mounting it on Express
// and writing its part of the OpenAPI document both start from here, so neither can say something else.
import type { Request } from 'express';
import { z } from 'zod';
import type { AccountRole, Session } from '../../accounts/index.js';
import { GatewayError, validationError, type GatewayErrorCode } from '../../errors.js';

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** A JSON answer. What is sent is what the schema makes of the body: fields that it does not name stay inside. */
export interface JsonAnswerSpec<S extends z.ZodType = z.ZodType> {
  readonly kind: 'json';
  readonly schema: S;
  readonly description: string;
}
export interface EmptyAnswerSpec {
  readonly kind: 'empty';
  readonly description: string;
}
/** Bytes as they are: a report, an image. */
export interface BytesAnswerSpec {
  readonly kind: 'bytes';
  readonly contentTypes: readonly string[];
  readonly description: string;
}
/** JSON texts, one a line, sent as they come (NDJSON). */
export interface LinesAnswerSpec<S extends z.ZodType = z.ZodType> {
  readonly kind: 'lines';
  /** Of each line. */
  readonly schema: S;
  readonly description: string;
}
export type AnswerSpec = JsonAnswerSpec | EmptyAnswerSpec | BytesAnswerSpec | LinesAnswerSpec;
/** Successful answers by status. What a route may be refused with: refusals.ts. */
export type AnswerSpecs = Readonly<Record<number, AnswerSpec>>;

export const json = <S extends z.ZodType>(schema: S, description: string): JsonAnswerSpec<S> => ({
  kind: 'json',
  schema,
  description,
});
export const empty = (description: string): EmptyAnswerSpec => ({ kind: 'empty', description });
export const bytes = (contentTypes: readonly string[], description: string): BytesAnswerSpec => ({
  kind: 'bytes',
  contentTypes,
  description,
});

export const lines = <S extends z.ZodType>(schema: S, description: string): LinesAnswerSpec<S> => ({
  kind: 'lines',
  schema,
  description,
});

export type ByteSource = Uint8Array | AsyncIterable<Uint8Array>;

/** What a handler returns, whatever its route. */
export interface AnyAnswer {
  readonly status: number;
  readonly body?: unknown;
  readonly bytes?: ByteSource;
  /** Handfuls of lines, each asked for when the one before is on its way. */
  readonly lines?: AsyncIterable<readonly unknown[]>;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sets the session cookie to this token, or clears it. */
  readonly sessionCookie?: string | null;
  /** Adds a device token to those that the browser keeps. */
  readonly deviceCookie?: string;
}

type AnswerOf<Spec extends AnswerSpec> =
  Spec extends JsonAnswerSpec<infer S>
    ? { readonly body: z.input<S> }
    : Spec extends BytesAnswerSpec
      ? { readonly bytes: ByteSource; readonly contentType: string }
      : Spec extends LinesAnswerSpec<infer S>
        ? { readonly lines: AsyncIterable<readonly z.input<S>[]> }
        : { readonly body?: never };

/** What a handler may return: one of the documented statuses with the body that belongs to it. */
export type Answer<Specs extends AnswerSpecs> = AnyAnswer &
  {
    [Status in keyof Specs & number]: { readonly status: Status } & AnswerOf<Specs[Status]>;
  }[keyof Specs & number];

/** What a handler is given. */
export interface RouteContext<Deps, Params, Query, Body> {
  readonly deps: Deps;
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  /** The caller's session; asking for it on an open route throws UNAUTHENTICATED when there is none. */
  readonly session: Session;
  /** The calling system, on routes for systems; asking for it elsewhere throws UNAUTHENTICATED. */
  readonly service: ServiceCaller;
  /** The caller's session, on open routes too. */
  readonly visitor: Session | undefined;
  readonly requestId: string;
  /** Aborts when the caller is gone or the route's time is over. */
  readonly signal: AbortSignal;
  /** The request itself: for uploads, whose body the handler reads. */
  readonly request: Request;
}

/** Requests that take long: bytes of reports on their way, whole records. */
export type LongKind = 'transfer' | 'export';

/** The part of a route that is data. */
export interface RouteFacts {
  readonly method: Method;
  /** Below `/api/v1`, with `{name}` for parameters: `/reports/{reportId}`. */
  readonly path: string;
  readonly summary: string;
  readonly description?: string;
  readonly tags: readonly [string, ...string[]];
  /** `service`: a hospital's system, by its own token; no person's session opens such a route. */
  readonly auth: 'none' | 'session' | 'service';
  readonly roles?: readonly AccountRole[];
  /** The password must have been given a short time ago. */
  readonly freshLogin?: boolean;
  /** Open to staff of a hospital that requires a second factor, before they have one: what it takes to enrol one. */
  readonly withoutSecondFactor?: true;
  /** A body that the handler reads itself as multipart/form-data, described by an OpenAPI schema. */
  readonly upload?: { readonly schema: UploadSchema };
  /** A body that the handler reads itself as it comes, of one of these media types. */
  readonly raw?: { readonly contentTypes: readonly string[]; readonly description: string };
  /** Another standard's way to name media types and to tell failures. */
  readonly dialect?: Dialect;
  /** A body of lines that the handler reads itself (`readLines`), described by the schema of one line. */
  readonly lines?: { readonly schema: z.ZodType; readonly description: string };
  /** Another limit than the usual one for a JSON body. */
  readonly bodyLimitBytes?: number;
  /** Another limit than the usual one for the whole request, known here and now: for tests. */
  readonly timeoutMs?: number;
  /** A request that may take longer than the usual ones, by the setting for its kind. */
  readonly takesLong?: LongKind;
  /** What it may be refused with, besides what follows from the rest. */
  readonly refusals?: readonly GatewayErrorCode[];
  readonly responses: AnswerSpecs;
}

/** How a standard that an interface follows writes its JSON and its failures. */
export interface Dialect {
  readonly contentType: string;
  /** What a failure is told as. */
  readonly problem: (error: GatewayError, requestId: string) => unknown;
  readonly problemSchema: z.ZodType;
}

/** A system that has shown its token. */
export interface ServiceCaller {
  readonly id: string;
  readonly hospital: string;
}

/** A multipart form in the OpenAPI document. */
export interface UploadSchema {
  readonly type: 'object';
  readonly properties: Readonly<
    Record<
      string,
      { readonly type: 'string'; readonly format?: 'binary'; readonly description: string }
    >
  >;
  readonly required?: readonly string[];
}

type NoFields = z.ZodObject<Record<string, z.ZodNever>>;

/** A route as it is written down. */
export interface RouteDefinition<
  Deps,
  Params extends z.ZodObject,
  Query extends z.ZodObject,
  Body extends z.ZodType,
  Specs extends AnswerSpecs,
> extends RouteFacts {
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
  readonly responses: Specs;
  readonly handler: (
    context: RouteContext<Deps, z.output<Params>, z.output<Query>, z.output<Body>>,
  ) => Promise<Answer<NoInfer<Specs>>> | Answer<NoInfer<Specs>>;
}

/** A request before its parts were checked. */
export type RawContext<Deps> = Omit<
  RouteContext<Deps, unknown, unknown, unknown>,
  'session' | 'service'
> & { readonly caller: ServiceCaller | undefined };

/** A route that can be mounted and documented. */
export interface Route<Deps> extends RouteFacts {
  readonly params: z.ZodObject | undefined;
  readonly query: z.ZodObject | undefined;
  readonly body: z.ZodType | undefined;
  /** Checks the request's parts and runs the handler. @throws GatewayError VALIDATION and whatever the handler throws */
  readonly run: (raw: RawContext<Deps>) => Promise<AnyAnswer>;
}

/** `defineRoute` for handlers that work with `Deps`: `const defineRoute = routeDefiner<Services>()`. */
export function routeDefiner<Deps>() {
  return <
    const Specs extends AnswerSpecs,
    Params extends z.ZodObject = NoFields,
    Query extends z.ZodObject = NoFields,
    Body extends z.ZodType = z.ZodUndefined,
  >(
    definition: RouteDefinition<Deps, Params, Query, Body, Specs>,
  ): Route<Deps> => {
    const { params, query, body, handler, ...facts } = definition;
    if (!/^(\/([a-zA-Z0-9-]+|\{[a-zA-Z]+\}))+$/.test(facts.path)) {
      throw new TypeError(`${facts.path} is no path of a route`);
    }
    return {
      ...facts,
      params,
      query,
      body,
      run: async (raw) => {
        const context = {
          ...raw,
          params: checked('params', params, raw.params),
          query: checked('query', query, raw.query),
          body: checked('body', body, raw.body),
          get service(): ServiceCaller {
            if (raw.caller !== undefined) return raw.caller;
            throw new GatewayError('UNAUTHENTICATED', 'This is for a hospital’s systems.');
          },
          get session(): Session {
            if (raw.visitor !== undefined) return raw.visitor;
            throw new GatewayError('UNAUTHENTICATED', 'Log in first.');
          },
        };
        return handler(context);
      },
    };
  };
}

/**
 * Checks one part. A part without a schema is not read: the handler finds no fields, or an undefined body, which is
 * what the type's defaults say.
 */
function checked<S extends z.ZodType>(
  place: string,
  schema: S | undefined,
  value: unknown,
): z.output<S> {
  if (schema === undefined) return z.custom<z.output<S>>().parse(place === 'body' ? undefined : {});
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw validationError(place, result.error);
}
