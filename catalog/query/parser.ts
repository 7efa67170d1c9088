/**
 * Text of a query → tree (rs-order.md §5.4). Binding, tightest first: sign and NOT, AND, OR; two clauses without an operator are OR.
 * Throws QuerySyntaxError and nothing else; depth and number of clauses are bounded, so no input can exhaust the stack.
 */
import { type Clause, combine, type Signed, unsigned } from "./clause-list.ts";
import { type Comparison, type Token, tokenize } from "./lexer.ts";
import { QUERY_LIMITS } from "./limits.ts";
import { QuerySyntaxError } from "./syntax-error.ts";
import { ALL, and, type Bound, type Field, type Match, type Query } from "./tree.ts";
import { fieldOf, isAnything, joinText, matchOf, splitWord } from "./words.ts";

type Word = Extract<Token, { kind: "word" }>;
type Context = { readonly field?: Field; readonly depth: number };

const EXISTS = "_exists_";

export function parseQuery(source: string): Query {
  return new Parser(tokenize(source), source).parse();
}

class Parser {
  readonly #tokens: readonly Token[];
  readonly #source: string;
  #next = 0;
  #clauses = 0;

  constructor(tokens: readonly Token[], source: string) {
    this.#tokens = tokens;
    this.#source = source;
  }

  parse(): Query {
    const query = this.#list({ depth: 0 });
    if (this.#peek().kind !== "end") throw this.#expected("the end of the query or an operator");
    return query;
  }

  #list(context: Context): Query {
    const clauses: Clause[] = [];
    let afterOr = false;
    for (;;) {
      const clause = this.#conjunction(context);
      const beforeOr = this.#take("or") !== undefined;
      clauses.push({ ...clause, besideOr: afterOr || beforeOr });
      afterOr = beforeOr;
      const { kind } = this.#peek();
      if (!beforeOr && (kind === "end" || kind === ")")) return combine(clauses);
    }
  }

  #conjunction(context: Context): Signed {
    const first = this.#signed(context);
    if (this.#peek().kind !== "and") return first;
    const clauses = [unsigned(first)];
    while (this.#take("and")) clauses.push(unsigned(this.#signed(context)));
    return { query: and(clauses), sign: "none" };
  }

  #signed(context: Context): Signed {
    const token = this.#peek();
    const sign = ({ not: "negated", minus: "prohibited", plus: "required" } as const)[token.kind as "not"];
    if (!sign) return { query: this.#primary(context), sign: "none" };
    this.#next++;
    return { query: unsigned(this.#signed(this.#deeper(context, token))), sign };
  }

  #primary(context: Context): Query {
    const token = this.#peek();
    if (token.kind !== "word") return this.#value(context);
    if (token.raw.startsWith(`${EXISTS}:`)) return this.#existence(token);
    const after = this.#peek(1);
    const written = splitWord(token);
    if (after.kind === "compare") {
      this.#next++;
      const field = written.field && !written.value ? written.field : fieldOf(token);
      return this.#comparison({ ...context, field }, after.operator);
    }
    if (after.kind === ":" && written.value) {
      this.#next += 2;
      return this.#value({ ...context, field: fieldOf(token) });
    }
    const field = written.field ?? context.field;
    this.#next++;
    if (!written.value) return this.#value({ ...context, ...(field ? { field } : {}) });
    return this.#term(field, matchOf(written.value));
  }

  /** What stands after `field:`, or a clause that is no word. */
  #value(context: Context): Query {
    const token = this.#peek();
    switch (token.kind) {
      case "(":
        return this.#group(context);
      case "[":
      case "{":
        return this.#range(context);
      case "word":
        this.#next++;
        return this.#term(context.field, matchOf(token.segments));
      case "quoted":
        this.#next++;
        return this.#term(context.field, { kind: "exact", value: token.value });
      case "regex":
        this.#next++;
        return this.#term(context.field, { kind: "regex", pattern: token.pattern });
      case ":":
        throw this.#expected("a field name before ':'");
      default:
        throw this.#expected(context.field ? "a value" : "a clause");
    }
  }

  #group(context: Context): Query {
    const open = this.#peek();
    this.#next++;
    const query = this.#list(this.#deeper(context, open));
    if (!this.#take(")")) throw this.#expected(`')' that closes the one at column ${open.at + 1}`);
    return query;
  }

  #existence(token: Word): Query {
    this.#next++;
    const segments = token.segments.slice(1);
    const [only] = segments;
    if (segments.length > 1 || only?.raw !== "") return this.#exists(fieldOf({ segments, at: token.at }));
    const name = this.#peek();
    if (name.kind !== "word" && name.kind !== "quoted") throw this.#expected("a field name");
    this.#next++;
    return this.#exists(name.kind === "word" ? fieldOf(name) : { name: name.value });
  }

  #range(context: Context): Query {
    const open = this.#peek();
    const { field } = context;
    if (!field) throw this.#expected("'field:' before a range");
    this.#next++;
    const from = this.#bound(open.kind === "[");
    const to = this.#peek();
    if (to.kind !== "word" || to.raw !== "TO") throw this.#expected("'TO'");
    this.#next++;
    const end = this.#bound(true);
    const close = this.#peek();
    if (close.kind !== "]" && close.kind !== "}") throw this.#expected("']' or '}'");
    this.#next++;
    const upper = end && { ...end, inclusive: close.kind === "]" };
    if (!from && !upper) return this.#exists(field);
    return this.#term(field, { kind: "range", ...(from ? { from } : {}), ...(upper ? { to: upper } : {}) });
  }

  /** Absent where the range is open. */
  #bound(inclusive: boolean): Bound | undefined {
    const token = this.#peek();
    if (token.kind === "word" && token.raw === "*") {
      this.#next++;
      return undefined;
    }
    return { value: this.#plainValue(), inclusive };
  }

  #plainValue(): string {
    const token = this.#peek();
    if (token.kind === "quoted") {
      this.#next++;
      return token.value;
    }
    if (token.kind !== "word") throw this.#expected("a value");
    if (token.segments.some((segment) => segment.wild)) throw this.#expected("a value without '*' and '?'");
    this.#next++;
    return joinText(token.segments);
  }

  #comparison(context: Context & { field: Field }, operator: Comparison): Query {
    this.#next++;
    if (operator === "=") return this.#value(context);
    const bound = { value: this.#plainValue(), inclusive: operator === "<=" || operator === ">=" };
    const range = operator.startsWith("<") ? { to: bound } : { from: bound };
    return this.#term(context.field, { kind: "range", ...range });
  }

  #term(field: Field | undefined, match: Match): Query {
    if (!field)
      return isAnything(match) && match.kind === "wildcard"
        ? this.#counted(ALL)
        : this.#counted({ kind: "term", match });
    if (!isAnything(match)) return this.#counted({ kind: "term", field, match });
    return field.name === "*" ? this.#counted(ALL) : this.#exists(field);
  }

  #exists(field: Field): Query {
    return this.#counted({ kind: "exists", field: { name: field.name } });
  }

  #counted(query: Query): Query {
    this.#clauses++;
    if (this.#clauses > QUERY_LIMITS.clauses) throw this.#expected(`at most ${QUERY_LIMITS.clauses} clauses`);
    return query;
  }

  #deeper(context: Context, token: Token): Context {
    if (context.depth >= QUERY_LIMITS.depth) {
      throw new QuerySyntaxError(`expected at most ${QUERY_LIMITS.depth} levels of groups`, token.at + 1);
    }
    return { ...context, depth: context.depth + 1 };
  }

  #peek(ahead = 0): Token {
    const at = this.#source.length;
    return this.#tokens[this.#next + ahead] ?? { kind: "end", at, end: at };
  }

  #take(kind: Token["kind"]): Token | undefined {
    const token = this.#peek();
    if (token.kind !== kind) return undefined;
    this.#next++;
    return token;
  }

  #expected(what: string): QuerySyntaxError {
    const token = this.#peek();
    const found = token.kind === "end" ? "the end of the query" : `'${this.#source.slice(token.at, token.end)}'`;
    return new QuerySyntaxError(`expected ${what}, found ${found}`, token.at + 1);
  }
}
