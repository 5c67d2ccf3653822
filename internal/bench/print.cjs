// The receipt of printer/escpos/testdata/two-codes.receipt by two programs of
// others, for comparison with BenchmarkTwoCodes: processor time, bytes, and what
// these take on a serial line. Run by internal/bench/print.
const fs = require('fs');
const receiptline = require('receiptline');
const Encoder = require('@point-of-sale/receipt-printer-encoder');
const source = fs.readFileSync(process.argv[2], 'utf8');

const byEncoder = () => {
  const e = new Encoder({ language: 'esc-pos', columns: 48 });
  e.initialize().codepage('auto').align('center');
  for (const line of source.split('\n')) {
    const code = /code:([^}]*)\}/.exec(line);
    if (code) e.qrcode(code[1], { model: 2, size: 6, errorlevel: 'm' });
    else if (line === '-') e.rule();
    else if (line.includes('|')) {
      const [left, right] = line.split('|').map((s) => s.replace(/\^/g, '').trim());
      e.align('left').table([{ width: 34, align: 'left' }, { width: 14, align: 'right' }], [[left, right]]).align('center');
    } else e.line(line.replace(/\^/g, ''));
  }
  return e.cut().encode().length;
};
for (const [name, run] of Object.entries({
  'receiptline-4.0.4/dots': () => receiptline.transform(source, { cpl: 48, encoding: 'gb18030', command: 'escpos' }).length,
  'receipt-printer-encoder-4.0.1/native,-Chinese-as-?': byEncoder,
})) {
  let bytes = 0;
  for (let i = 0; i < 200; i++) bytes = run(); // compiled by now
  const n = 500, began = process.cpuUsage(), clock = process.hrtime.bigint();
  for (let i = 0; i < n; i++) run();
  const cpu = process.cpuUsage(began), ns = Number(process.hrtime.bigint() - clock) / n;
  console.log(`BenchmarkNode/${name}\t${n}\t${ns.toFixed(0)} ns/op\t${((cpu.user + cpu.system) * 1000 / n).toFixed(0)} cpu-ns/op\t${bytes} bytes\t${(bytes / 960).toFixed(2)} s@9600\t${(bytes / 11520).toFixed(2)} s@115200`);
}
