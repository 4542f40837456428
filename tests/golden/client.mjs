// A reader of mappings and channels in another language, written from docs/mapping-format.md alone.
// `node client.mjs` holds it against the golden vectors beside it and prints what differs.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";

const sha256 = (text) => createHash("sha256").update(text, "utf8").digest("hex");
const isObject = (v) => typeof v === "object" && v !== null && !Array.isArray(v);
function need(holds, why) { if (!holds) throw new Error(why); }
function parse(text, format) {
  need(Buffer.byteLength(text) <= 1 << 20, "too large");
  const found = JSON.parse(text); // refuses NaN and Infinity by itself
  need(isObject(found) && found.format === format, "not of this format");
  return found;
}
function checked(curve) {
  need(isObject(curve), "no curve");
  const numbers = (...all) => need(all.every(Number.isFinite), "a parameter is not a finite number");
  const { kind, x, y, a, b, c, T } = curve;
  if (kind === "piecewise_linear") {
    need(Array.isArray(x) && Array.isArray(y) && x.length === y.length && x.length > 0, "as many x as y");
    numbers(...x, ...y);
    need(x[0] >= 0 && x.at(-1) <= 1 && x.every((v, i) => i === 0 || v > x[i - 1]), "x must ascend in [0, 1]");
    need(y[0] > 0 && y.at(-1) < 1 && y.every((v, i) => i === 0 || v >= y[i - 1]), "y must not descend in (0, 1)");
  } else if (kind === "logistic") { numbers(a, b); need(a >= 0, "a < 0"); }
  else if (kind === "beta") { numbers(a, b, c); need(a >= 0 && b >= 0, "a or b < 0"); }
  else if (kind === "temperature") { numbers(T); need(T > 0, "T <= 0"); }
  else need(kind === "identity", "unknown kind");
  return curve;
}
function readMapping(text) {
  const mapping = parse(text, "calibwatch.mapping/1");
  need(/^[a-z0-9][a-z0-9._-]{0,62}$/.test(mapping.stream ?? "") && typeof mapping.stream === "string", "stream");
  need(Object.values(mapping.scope ?? {}).every((v) => typeof v === "string"), "scope");
  [mapping.default, ...Object.values(mapping.segments ?? {})].forEach(checked);
  return mapping;
}
const inside = (v) => Math.min(Math.max(v, 1e-6), 1 - 1e-6);
const expit = (z) => { const e = Math.exp(-Math.abs(z)); return z >= 0 ? 1 / (1 + e) : e / (1 + e); };
function evaluate({ kind, x, y, a, b, c, T }, raw) {
  if (kind === "piecewise_linear") {
    const i = x.findLastIndex((knot) => knot <= raw);
    if (i < 0) return y[0];
    if (i === x.length - 1) return y[i];
    return Math.min(y[i] + (y[i + 1] - y[i]) * ((raw - x[i]) / (x[i + 1] - x[i])), y[i + 1]);
  }
  const r = inside(raw), up = Math.log(r), down = Math.log(1 - r);
  if (kind === "identity") return r;
  if (kind === "logistic") return inside(expit(a * (up - down) + b));
  if (kind === "beta") return inside(expit(a * up - b * down + c));
  return inside(expit((up - down) / T));
}
function ofLogits({ T }, logits) {
  const top = Math.max(...logits);
  return inside(1 / logits.reduce((sum, z) => sum + Math.exp((z - top) / T), 0));
}
function earlier(place, [epoch, generation]) { // null, or the epoch and generation of an earlier entry
  if (place === null) return true;
  if (!Array.isArray(place) || place.length !== 2 || !place.every((n) => Number.isInteger(n) && n >= 1)) return false;
  return place[0] < epoch || (place[0] === epoch && place[1] < generation);
}
const FIELDS = ["mapping", "publish_id", "at", "by", "reason", "expires_at"];
function poll(objects, stream, channel, known) { // known: the bytes of the entry that was read last, or null
  const get = (e, g) => objects[`${stream}/channels/${channel}/${`${e}`.padStart(4, 0)}-${`${g}`.padStart(12, 0)}.json`];
  let head = known === null ? null : { text: known, ...JSON.parse(known) }, refused = false;
  let epoch = head?.epoch ?? 1;
  while (get(epoch + 1, 1) !== undefined) epoch += 1; // a new epoch first: it is the way out of a fork
  try {
    if (head?.epoch === epoch) need(get(epoch, head.generation) === head.text, "gone, or forked");
    for (;;) {
      const start = head?.epoch !== epoch, generation = start ? 1 : head.generation + 1;
      const text = get(epoch, generation);
      if (text === undefined) break;
      const entry = parse(text, "calibwatch.channel/1");
      for (const field of FIELDS) need(entry[field] !== undefined, `without ${field}`);
      need(entry.stream === stream && entry.channel === channel, "of another channel");
      need(entry.epoch === epoch && entry.generation === generation, "of another place");
      need([undefined, true, false].includes(entry.withdrawn), "withdrawn is true or false");
      need(earlier(entry.returns_to ?? null, [epoch, generation]), "returns_to names an earlier entry");
      need(entry.previous === (start ? null : sha256(head.text)), "does not follow");
      head = { text, ...entry };
    }
  } catch { refused = true; }
  const file = head && objects[`${stream}/mappings/${head.mapping}.json`];
  if (head) need(sha256(file) === head.mapping && readMapping(file).stream === stream, "not the mapping that was named");
  // a withdrawn channel names the identity for readers that do not know the key: no mapping is applied
  const mapping = head && head.withdrawn !== true ? head.mapping : null;
  return { head: head && [head.epoch, head.generation], mapping, refused };
}

const here = new URL(".", import.meta.url), load = (name) => JSON.parse(readFileSync(new URL(name, here)));
let seen = 0;
const wrong = [], check = (what, holds) => { seen += 1; if (!holds) wrong.push(what); };
for (const name of readdirSync(new URL("mapping/", here))) {
  const golden = load(`mapping/${name}`), mapping = readMapping(golden.file);
  check(`${name}: digest`, sha256(golden.file) === golden.digest);
  for (const [raw, segment, wanted] of golden.vectors) {
    const curve = (segment !== null && mapping.segments[segment]) || mapping.default, value = evaluate(curve, raw);
    const exact = ["piecewise_linear", "identity"].includes(curve.kind);
    check(`${name}: ${raw} ${segment}: ${value}`, exact ? value === wanted : Math.abs(value - wanted) <= 1e-12);
  }
  for (const [logits, wanted] of golden.logits ?? [])
    check(`${name}: ${logits}`, Math.abs(ofLogits(mapping.default, logits) - wanted) <= 1e-12);
}
for (const [why, text] of Object.entries(load("refused.json"))) {
  let refused = false;
  try { readMapping(text); } catch { refused = true; }
  check(`${why} is not refused`, refused);
}
for (const [name, { objects, known, head, mapping, refused }] of Object.entries(load("channel.json"))) {
  const found = JSON.stringify(poll(objects, "golden", "production", known));
  check(`${name}: ${found}`, found === JSON.stringify({ head, mapping, refused }));
}
console.log(JSON.stringify({ seen, wrong }));
