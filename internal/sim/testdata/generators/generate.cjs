// Makes jobs.json.gz: what other people's programs send to ESC/POS and Star printers.
// Usage: npm install (package.json beside this file), then
//   node generate.cjs jobs.json.gz
const fs = require('fs'), path = require('path'), zlib = require('zlib');
const now = require('receiptline'), native = require('receiptline-native');
const Encoder = require('@point-of-sale/receipt-printer-encoder');

const jobs = [];
const add = (generator, name, bytes, more) =>
  jobs.push({ generator, name, bytes: Buffer.from(bytes, typeof bytes === 'string' ? 'binary' : undefined).toString('base64'), ...more });

// receiptline's own example documents, as it lays them out for several printers.
const data = path.join(path.dirname(require.resolve('receiptline/package.json')), 'example/data');
for (const lang of ['en', 'ja']) {
  for (const file of fs.readdirSync(path.join(data, lang)).sort()) {
    // GB18030 has the yen sign and narrow kana in its four-byte part, which no printer knows.
    const source = fs.readFileSync(path.join(data, lang, file), 'utf8').replace(/[\uff61-\uff9f]+/g, (s) => s.normalize('NFKC')).replace(/¥/g, '￥');
    const name = lang + '/' + file.replace('.receipt', '');
    const base = { cpl: 48, encoding: 'gb18030' };
    const text = now.transform(source, { ...base, command: 'text' });
    const qr = [...source.matchAll(/\{code:([^;}|]*)[^}]*option:qrcode/g)].map((m) => m[1].trim());
    for (const [generator, transform] of [['receiptline 4.0.4', now.transform], ['receiptline 1.16.5', native.transform]]) {
      add(generator, name, transform(source, { ...base, command: 'escpos' }), { text, qr });
    }
    for (const [generator, transform] of [['receiptline 4.0.4', now.transform], ['receiptline 1.16.5', native.transform]]) {
      add(generator, name + ' starprnt', transform(source, { ...base, command: 'starmbcs2' }), { text, qr, language: 'starprnt' });
      add(generator, name + ' star line', transform(source, { ...base, command: 'starlinembcs2' }), { text, qr, language: 'star-line' });
      add(generator, name + ' star raster', transform(source, { ...base, command: 'stargraphic' }), { ...(transform === now.transform && { qr }), language: 'star-line' });
    }
    for (const [what, options] of Object.entries({
      narrow: { cpl: 32 }, spacing: { spacing: true }, margins: { margin: 4, marginRight: 4, cpl: 40 }, upsideDown: { upsideDown: true }, uncut: { cutting: false },
    })) {
      add('receiptline 4.0.4', name + ' starprnt ' + what, now.transform(source, { ...base, command: 'starmbcs2', ...options }), { language: 'starprnt' });
      add('receiptline 4.0.4', name + ' star line ' + what, now.transform(source, { ...base, command: 'starlinembcs2', ...options }), { language: 'star-line' });
    }
    for (const command of ['starsbcs', 'starmbcs', 'starlinesbcs', 'starlinembcs', 'emustarlinesbcs', 'emustarlinembcs', 'emustarlinembcs2']) {
      const encoding = command.includes('sbcs') ? 'multilingual' : command.endsWith('2') ? 'gb18030' : 'shiftjis';
      add('receiptline 4.0.4', name + ' ' + command, now.transform(source, { cpl: 48, encoding, command }), { latin: !command.endsWith('2'), language: command.includes('line') ? 'star-line' : 'starprnt' });
    }
    add('receiptline 4.0.4', name + ' generic', now.transform(source, { ...base, command: 'generic' }), { text, qr });
    for (const [what, options] of Object.entries({
      narrow: { cpl: 32 }, spacing: { spacing: true }, margins: { margin: 4, marginRight: 4, cpl: 40 }, upsideDown: { upsideDown: true }, uncut: { cutting: false },
    })) {
      add('receiptline 4.0.4', name + ' ' + what, now.transform(source, { ...base, command: 'escpos', ...options }), {});
    }
  }
}

// A picture with a gradient, as canvas gives it.
const picture = { width: 64, height: 48, data: new Uint8ClampedArray(64 * 48 * 4) };
for (let i = 0; i < 64 * 48; i++) picture.data.set([(i % 64) * 4, (i % 64) * 4, (i % 64) * 4, 255], i * 4);

const symbologies = { ean13: '6901234567892', ean8: '12345670', upca: '036000291452', upce: '012345000065', code39: 'AB-12', itf: '12345670', codabar: 'A40156B', code93: 'TEST93', code128: 'SALE-042' };
for (const model of [undefined, ...Encoder.printerModels.map((m) => m.id)]) {
  let e = new Encoder(model ? { printerModel: model } : { language: 'esc-pos', columns: 48 });
  const star = e.language.startsWith('star');
  const wide = e.columns;
  e.initialize().codepage('auto').align('center').size(2, 2).line('TEA HOUSE').size(1, 1).bold(true).line('bold').bold(false)
    .underline(true).line('underlined').underline(false).invert(true).line('inverted').invert(false).italic(true).line('italic').italic(false)
    .align('left').font('B').line('small letters').font('A').rule().rule({ style: 'double' })
    .table([{ width: wide - 14, align: 'left' }, { width: 12, align: 'right' }], [['Earl Grey', '25.00'], [(x) => x.bold(true).text('Total').bold(false), '25.00']])
    .box({ width: Math.min(30, wide), align: 'center', style: 'single' }, 'in a box').line('Caf\u00e9 \u20ac 5').newline();
  for (const [kind, value] of Object.entries(symbologies)) {
    try { e.barcode(value, kind, { height: 60, text: true }); } catch (err) { /* the model has none */ }
  }
  let qr = [];
  const can = e.printerCapabilities || {};
  e.align('center');
  if (!model || (can.qrcode && can.qrcode.supported && can.qrcode.models.includes('2'))) {
    e.qrcode('https://example.cn/r?s=01JZ', { model: 2, size: 6, errorlevel: 'm' });
    qr = ['https://example.cn/r?s=01JZ'];
  }
  if (!model || (can.pdf417 && can.pdf417.supported)) e.pdf417('PDF417 TEST');
  e.image(picture, 64, 48, 'atkinson').pulse().cut();
  add('receipt-printer-encoder 4.0.1', model || 'default', e.encode(), { latin: true, qr, has: ['TEA HOUSE', 'in a box'], drawer: true, ...(star && { language: e.language === 'star-prnt' ? 'starprnt' : 'star-line' }) });
}
fs.writeFileSync(process.argv[2], zlib.gzipSync(JSON.stringify(jobs), { level: 9 }));
console.log(jobs.length + ' jobs, ' + fs.statSync(process.argv[2]).size + ' bytes');
