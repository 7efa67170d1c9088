/** An OIDC issuer over HTTP: discovery document, key set, tokens signed with real keys. Its keys can be changed and it can go away, as theirs do. */
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";

type Signer = { readonly kid: string; readonly alg: string; readonly key: CryptoKey; readonly jwk: JWK };

export type OidcIssuer = Awaited<ReturnType<typeof oidcIssuer>>;

export async function oidcIssuer() {
  const state: { signers: Signer[]; asked: string[]; mode: "up" | "broken" | "impostor" } = {
    signers: [],
    asked: [],
    mode: "up",
  };
  const serve = (port: number) =>
    Bun.serve({
      port,
      hostname: "127.0.0.1",
      fetch(request) {
        const { pathname, origin } = new URL(request.url);
        state.asked.push(pathname);
        if (state.mode === "broken") return new Response("down for a while", { status: 500 });
        if (pathname === "/realm/.well-known/openid-configuration") {
          const issuer = state.mode === "impostor" ? "https://elsewhere.example.org" : `${origin}/realm`;
          return Response.json({ issuer, jwks_uri: `${origin}/keys` });
        }
        if (pathname === "/keys") return Response.json({ keys: state.signers.map(({ jwk }) => jwk) });
        return new Response(null, { status: 404 });
      },
    });
  let server = serve(0);
  const port = server.port ?? 0;
  const issuer = `http://127.0.0.1:${port}/realm`;

  return {
    issuer,
    state,
    /** A new key pair beside the others, or in their place. */
    async addKey(kid: string, alg: "RS256" | "ES256", o: { alone?: boolean } = {}): Promise<void> {
      const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
      const jwk = { ...(await exportJWK(publicKey)), kid, alg, use: "sig" };
      state.signers = [...(o.alone ? [] : state.signers), { kid, alg, key: privateKey, jwk }];
    },
    /** Signed with the key that was added last. */
    sign(claims: Record<string, unknown>, o: { expires: Date }): Promise<string> {
      const signer = state.signers.at(-1);
      if (!signer) throw new Error("Cannot sign: the issuer has no key");
      return new SignJWT(claims)
        .setProtectedHeader({ alg: signer.alg, kid: signer.kid })
        .setExpirationTime(o.expires)
        .sign(signer.key);
    },
    /** Ends it; nothing answers on its port until it is back. */
    leave: () => server.stop(true),
    comeBack: () => {
      server = serve(port);
    },
  };
}
