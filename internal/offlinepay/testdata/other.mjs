// The same protocol in JavaScript, for the team that builds the pay page: reads
// the requests and proofs of vectors.json with node:crypto alone, makes the
// proofs anew, and prints what it found. Run: node other.mjs vectors.json
import { readFileSync } from "node:fs";
import { createPrivateKey, createHmac, createPublicKey, sign, verify } from "node:crypto";

const hex = s => Buffer.from(s, "hex");
const publicKey = s => createPublicKey({ key: Buffer.concat([hex("302a300506032b6570032100"), hex(s)]), format: "der", type: "spki" });
const privateKey = s => createPrivateKey({ key: Buffer.concat([hex("302e020100300506032b657004220420"), hex(s)]), format: "der", type: "pkcs8" });
const domain = (name, body) => Buffer.concat([Buffer.from(`tilld/${name}/v1\0`), body]);

// base32 without padding; the spare bits at the end have to be 0.
function base32(text) {
  let bits = 0n;
  for (const c of text) {
    const v = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(c);
    if (v < 0) throw new Error("not Base32");
    bits = bits << 5n | BigInt(v);
  }
  const spare = BigInt(text.length * 5 % 8);
  if (bits & (1n << spare) - 1n) throw new Error("spare bits are set");
  return hex((bits >> spare).toString(16).padStart(Math.floor(text.length * 5 / 8) * 2, "0"));
}

// request reads PR1: what the phone scanned. keyOf is the cloud's table of tills.
function request(text, prefix, keyOf) {
  if (text.length !== prefix.length + 151 || text.slice(0, prefix.length).toUpperCase() !== prefix) throw new Error("not ours");
  const b = base32(text.slice(prefix.length)), body = b.subarray(0, 30);
  if (body[0] !== 0x11 || !verify(null, domain("pay-request", body), keyOf(body.readUInt32BE(2), body[6]), b.subarray(30))) throw new Error("not signed by the till");
  return {
    flags: body[1], till: body.readUInt32BE(2), key_gen: body[6], cloud_key: body[7], nonce: body.readBigUInt64BE(8).toString(), amount: body.readUInt32BE(16),
    currency: body.readUInt16BE(20), iat: body.readUInt32BE(22), ttl: body[26], sale: body.readUIntBE(27, 3),
  };
}

// proof makes PP1: the digits that the phone shows as a QR code.
function proof(p, key) {
  const body = Buffer.alloc(37);
  body[0] = 0x12; body[1] = p.method | (p.test ? 0x80 : 0); body[2] = p.cloud_key;
  body.writeUInt32BE(p.till, 3); body.writeBigUInt64BE(BigInt(p.nonce), 7); body.writeUInt32BE(p.amount, 15); body.writeUInt32BE(p.discount, 19);
  body.writeUInt16BE(p.currency, 23); body.writeUInt32BE(p.paid_at, 25); body.writeBigUInt64BE(BigInt(p.reference), 29);
  const token = Buffer.concat([body, sign(null, domain("pay-proof", body), key)]);
  return "92" + BigInt("0x" + token.toString("hex")).toString().padStart(244, "0");
}

// code makes what the phone shows beside the proof: 8 digits to type, and "93"
// and 16 digits as Code 128. body is the request's 30 bytes, as the phone read them.
function code(body, key) {
  if (!(body[1] & 8)) throw new Error("this till takes no code for this request");
  const sum = createHmac("sha256", key).update(domain("pay-code", body)).digest();
  const digits = (at, n) => (sum.readBigUInt64BE(at) % 10n ** BigInt(n)).toString().padStart(n, "0");
  return [digits(0, 8), "93" + digits(8, 16)];
}

const v = JSON.parse(readFileSync(process.argv[2], "utf8"));
const seeds = Object.fromEntries(v.cloud_keys.map(k => [k.id, k.seed]));
console.log(JSON.stringify({
  requests: v.requests.map(r => request(r.text, v.prefix, () => publicKey(v.till_public_key))),
  proofs: v.proofs.map(p => proof(p.fields, privateKey(seeds[p.fields.cloud_key]))),
  codes: v.codes.map(c => code(hex(c.request), hex(c.key))),
}));
