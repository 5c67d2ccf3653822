// Unmodified clients of network printers against tilld's raw port.
const { test } = require('node:test');
const assert = require('node:assert/strict');
const net = require('node:net');
const { ThermalPrinter, PrinterTypes, CharacterSet } = require('node-thermal-printer');
const port = Number(process.env.RAW_PORT);
const control = async (path) => (await fetch(process.env.CONTROL + path)).text();
const opts = { timeout: 60000 };

test('node-thermal-printer prints, with its QR code', opts, async () => {
  const p = new ThermalPrinter({ type: PrinterTypes.EPSON, interface: `tcp://127.0.0.1:${port}`, characterSet: CharacterSet.PC437_USA });
  assert.ok(await p.isPrinterConnected());
  p.println('thermal');
  p.printQR('https://example.cn/thermal', { cellSize: 6 });
  p.cut();
  await p.execute();
  await control('/ticket/till-1/thermal');
  assert.equal(await control('/qr/till-1'), 'https://example.cn/thermal');
});

test('network-receipt-printer connects, prints, disconnects', opts, async () => {
  const NetworkReceiptPrinter = require('@point-of-sale/network-receipt-printer');
  const p = new NetworkReceiptPrinter({ host: '127.0.0.1', port });
  await new Promise((done) => { p.addEventListener('connected', done); p.connect(); });
  await p.print(new TextEncoder().encode('\x1b@network\n\x1dVB\x00'));
  await p.disconnect();
  await control('/ticket/till-1/network');
});

test('status is answered at once while the printer is blocked', opts, async () => {
  await control('/set/till-1/paper_out/true');
  await control('/wait/till-1/printer_paper_out');
  const answer = await new Promise((done, fail) => {
    const s = net.connect(port, '127.0.0.1', () => s.write(Buffer.from('waits\n\x1dVB\x00\x10\x04\x04', 'latin1')));
    s.once('data', (b) => { s.end(); done(b[0]); });
    s.once('error', fail);
  });
  assert.equal(answer & 0x60, 0x60);
  await control('/set/till-1/paper_out/false');
  await control('/ticket/till-1/waits');
});

test('HTTP is not printed', opts, async () => {
  await assert.rejects(fetch(`http://127.0.0.1:${port}/x`, { method: 'POST', body: 'printed?\n' }));
  await control('/wait/till-1/raw9100_http');
  assert.ok(!(await control('/paper/till-1')).includes('printed?'));
});
