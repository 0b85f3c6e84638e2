// Package receipt is the public format of Writ's receipts: how one is signed,
// and how a system of record checks, without asking the server, that a human
// released exactly the call it is about to carry out.
//
// A receipt says one thing: these arguments of this tool, asked for by this
// identity, were released by these people at this time. An agent whose code is
// hostile can call a system of record without Writ, and can say whatever it
// likes; it cannot show a receipt for what nobody released. So the system of
// record checks one before it writes, with [Verify].
//
// The package trusts the public keys it is given, the clock it is told and the
// [Nonces] it is handed. It reads no clock, opens no file and no connection.
//
// # Token
//
// A receipt is a JSON Web Signature in the compact form (RFC 7515, section
// 7.1) of at most 8 KiB ([MaxToken]):
//
//	BASE64URL(header) "." BASE64URL(claims) "." BASE64URL(signature)
//
// without padding, in the one encoding each part has. The header has these
// three members and no other, so "crit", "jwk" and the like are refused:
//
//	alg  "EdDSA": Ed25519 as RFC 8037, section 3.1; no other algorithm exists here
//	kid  which key: its thumbprint (RFC 7638), where Writ made the key
//	typ  "writ-receipt+jwt"
//
// The claims are [Claims]; names are unique and exact in case. A claim that a
// reader does not know is passed over, as RFC 7519, section 4 asks; what would
// restrict a receipt further comes with another typ.
//
// # Digest of the arguments
//
// args_sha256 is the SHA-256, in lower-case hex, of the arguments in the
// canonical form of RFC 8785. White space, the order of members and the way a
// number or a character is written make no difference; anything else does.
// [Digest] refuses what two readers could take for different things: names that
// occur twice or differ in case only, text that is not UTF-8, numbers that an
// IEEE 754 double does not give back as they were written, and what is larger
// than 1 MiB or nested deeper than 64. Unicode is not normalised: the same
// word composed and decomposed are two words.
//
// # Keys
//
// Keys come as a JWK Set (RFC 7517) of kty OKP, crv Ed25519 (RFC 8037, section
// 2), with the installation's name in a further member of the set, "issuer".
// Other kinds of keys in a set are passed over. After a rotation the old key
// stays in the set as long as a receipt that it signed can count.
//
// # Single use
//
// A receipt counts once. Only the system of record can know what it has done,
// so Verify asks it to remember: it hands the receipt's nonce (jti) to a
// [Nonces] as its last step. Use the nonce in the transaction that does the
// write (a unique column), and a receipt is used if and only if the write
// happened. [Memory] is for tests and for systems that lose what they wrote
// together with what they remember. [Check] is for looking at a receipt.
//
// # Compatibility
//
// A receipt of any release will verify with every later release.
package receipt
