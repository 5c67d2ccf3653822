// The unmodified qz-tray client against tilld. The till's hardware is worked
// through CONTROL, see dialects_linux_test.go.
const { test, after } = require('node:test');
const assert = require('node:assert/strict');
const qz = require('qz-tray');
qz.api.setWebSocketType(require('ws'));

const control = async (path) => {
  const r = await fetch(process.env.CONTROL + path);
  const text = await r.text();
  if (!r.ok) throw new Error(path + ': ' + text);
  return text;
};
const connect = () => qz.websocket.connect({ usingSecure: false, host: '127.0.0.1', port: { insecure: [Number(process.env.QZ_PORT)] }, keepAlive: 0 });
after(() => qz.websocket.isActive() && qz.websocket.disconnect());
const opts = { timeout: 60000 };

test('handshake and printers', opts, async () => {
  await connect();
  assert.match(await qz.api.getVersion(), /^2\./);
  assert.deepEqual(await qz.printers.find(), ['till-1', 'kitchen']);
  assert.equal(await qz.printers.find('till'), 'till-1');
  assert.equal(await qz.printers.find('KITCHEN'), 'kitchen');
  assert.equal(await qz.printers.getDefault(), 'till-1');
  const details = await qz.printers.details();
  assert.equal(details[0].density, 203);
  await assert.rejects(qz.printers.find('nope'), /could not be found/);
});

test('raw print reaches the paper, in order', opts, async () => {
  const p = qz.configs.create('till-1', { encoding: 'GB18030', jobName: 'R-1' });
  const cut = { type: 'raw', format: 'command', flavor: 'hex', data: '1d564200' };
  await qz.print(p, [{ type: 'raw', format: 'command', flavor: 'base64', data: Buffer.from('\x1b@').toString('base64') }, '合计 ￥12.50\n', cut]);
  const [a, b] = [qz.print(p, ['first\n', cut]), qz.print(p, ['second\n', cut])];
  await Promise.all([a, b]);
  assert.deepEqual(JSON.parse(await control('/paper/till-1')), ['合计 ￥12.50', 'first', 'second']);
});

test('a picture among commands is printed', opts, async () => {
  const png = await control('/png');
  const p = qz.configs.create('till-1');
  await qz.print(p, ['picture\n', { type: 'raw', format: 'image', flavor: 'base64', data: png, options: { language: 'ESCPOS', dotDensity: 'single' } }, '\n', '\x1dVB\x00']);
  assert.equal(await control('/qr/till-1'), 'https://example.cn/qz');
});

test('what tilld does not do is said', opts, async () => {
  const p = qz.configs.create('till-1');
  await assert.rejects(qz.print(p, [{ type: 'pixel', format: 'html', flavor: 'plain', data: '<h1>x</h1>' }]), /pixel.*html.*not supported/);
  await assert.rejects(qz.print(p, [{ type: 'raw', format: 'command', flavor: 'file', data: '/etc/passwd' }]), /opens no files/);
  await assert.rejects(qz.print(qz.configs.create({ host: '127.0.0.1', port: 22 }), ['x']), /not that of a configured printer/);
  await assert.rejects(qz.print(qz.configs.create({ file: '/tmp/x' }), ['x']), /writes no files/);
  await assert.rejects(qz.usb.listDevices(), /Invalid function call/);
});

test('the drawer does not open by a page that may not', opts, async () => {
  await qz.print(qz.configs.create('till-1'), ['\x1bp\x00\x19\xfa', 'no drawer\n', '\x1dVB\x00']);
  assert.equal(await control('/pulses/till-1'), '0');
});

test('paper out rejects and prints nothing', opts, async () => {
  await control('/set/kitchen/paper_out/true');
  await assert.rejects(qz.print(qz.configs.create('kitchen'), ['lost?\n', '\x1dVB\x00']), /PAPER_OUT/);
  await control('/set/kitchen/paper_out/false');
  await qz.print(qz.configs.create('kitchen'), ['after\n', '\x1dVB\x00']);
  assert.deepEqual(JSON.parse(await control('/paper/kitchen')), ['after']);
});

test('status event', opts, async () => {
  const news = new Promise((r) => qz.printers.setPrinterCallbacks((e) => e.statusText === 'DOOR_OPEN' && r(e)));
  await qz.printers.startListening('till-1');
  await control('/set/till-1/cover_open/true');
  assert.equal((await news).printerName, 'till-1');
  const again = new Promise((r) => qz.printers.setPrinterCallbacks((e) => r(e)));
  await qz.printers.getStatus();
  assert.equal((await again).statusText, 'DOOR_OPEN');
  const good = new Promise((r) => qz.printers.setPrinterCallbacks((e) => e.statusText === 'OK' && r(e)));
  await control('/set/till-1/cover_open/false');
  await good;
  await qz.printers.stopListening();
  await assert.rejects(qz.printers.getStatus(), /No printer listeners/);
});

test('a scan arrives whole and opens no sale', opts, async () => {
  const [port] = await qz.serial.findPorts();
  assert.ok(port.startsWith('/dev/'));
  const got = [];
  const two = new Promise((r) => qz.serial.setSerialCallbacks((e) => got.push(e.output) === 2 && r()));
  await qz.serial.openPort(port, { baudRate: 9600 });
  await control('/scan/6901234567892');
  await control('/scan/4006381333931');
  await two;
  assert.deepEqual(got, ['6901234567892\r', '4006381333931\r']);
  assert.equal(await control('/sale'), 'none');
  await qz.serial.closePort(port);
  await assert.rejects(qz.serial.closePort(port), /is not open/);
});

test('lost socket: the second try does not print twice', opts, async () => {
  await control('/set/kitchen/dots_per_second/60'); // the ticket takes a second or two
  const p = qz.configs.create('kitchen', { jobName: 'R-2' });
  const first = qz.print(p, ['once\n', '\x1dVB\x00']);
  const lost = assert.rejects(first, /Connection closed before response received/);
  await control('/sending/kitchen'); // until bytes go out
  qz.websocket.disconnect();
  await lost;
  await connect();
  await qz.print(p, ['once\n', '\x1dVB\x00']);
  await control('/set/kitchen/dots_per_second/0');
  assert.equal(JSON.parse(await control('/paper/kitchen')).filter((l) => l === 'once').length, 1);
});

test('kill -9 between sending and the answer: one paper', opts, async () => {
  await control('/set/kitchen/dots_per_second/60');
  const p = qz.configs.create('kitchen', { jobName: 'R-3' });
  const first = qz.print(p, ['killed\n', '\x1dVB\x00']);
  const lost = assert.rejects(first);
  await control('/sending/kitchen');
  await control('/kill');
  await lost;
  await control('/set/kitchen/dots_per_second/0');
  await control('/start');
  process.env.QZ_PORT = await control('/port');
  await connect();
  // On paper, or nobody knows: never twice.
  const known = await qz.print(p, ['killed\n', '\x1dVB\x00']).then(() => true, (e) => { assert.match(e.message, /UNKNOWN/); return false; });
  const times = JSON.parse(await control('/paper/kitchen')).filter((l) => l === 'killed').length;
  assert.ok(times === 1 || (times === 0 && !known), `${times} on paper`);
});
