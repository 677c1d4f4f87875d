// What files are taken for, whatever their sender says.
import { expect } from 'chai';
import fc from 'fast-check';
import { readFile } from 'node:fs/promises';
import { sniffMediaType } from './media-type.js';

const samples = new URL('../../../samples/', import.meta.url);
const sample = (name: string) => readFile(new URL(name, samples));
const text = (content: string) => Buffer.from(content, 'utf8');

describe('media types', () => {
  it('are told by first bytes: real files', async () => {
    expect(sniffMediaType(await sample('reports/lab-report.pdf'))).to.equal('application/pdf');
    expect(sniffMediaType(await sample('reports/CT_small.dcm'))).to.equal('application/dicom');
    expect(sniffMediaType(await sample('covers/chelsea.png'))).to.equal('image/png');
    expect(sniffMediaType(await sample('covers/retina.jpg'))).to.equal('image/jpeg');
  });

  it('are told by first bytes: signatures', () => {
    expect(sniffMediaType(text('RIFF\u0001\u0002\u0003\u0004WEBPVP8 '))).to.equal('image/webp');
    expect(sniffMediaType(text('RIFF\u0001\u0002\u0003\u0004WAVEfmt '))).to.equal(
      'application/octet-stream',
    );
    expect(sniffMediaType(text('II*\0rest'))).to.equal('image/tiff');
    expect(sniffMediaType(text('MM\0*rest'))).to.equal('image/tiff');
    // A DICOM file may carry a TIFF header in its preamble, so as to be both: it is DICOM.
    const both = Buffer.concat([text('II*\0'), Buffer.alloc(124), text('DICM')]);
    expect(sniffMediaType(both)).to.equal('application/dicom');
  });

  it('tell text, JSON and FHIR apart, when they are whole', () => {
    expect(sniffMediaType(text('Haemoglobin: 13 g/dl\n'))).to.equal('text/plain');
    expect(sniffMediaType(text('{"a": [1, 2]}'))).to.equal('application/json');
    expect(sniffMediaType(text('[1]'))).to.equal('application/json');
    expect(sniffMediaType(text('{"resourceType": "Observation"}'))).to.equal(
      'application/fhir+json',
    );
    expect(sniffMediaType(text('{"resourceType": 7}'))).to.equal('application/json');
    expect(sniffMediaType(text('{not json'))).to.equal('text/plain');
    expect(sniffMediaType(text('{"a": 1}'), false)).to.equal('application/octet-stream');
  });

  it('never take what a page could run for anything but text or bytes', () => {
    expect(sniffMediaType(text('<html><script>alert(1)</script>'))).to.equal('text/plain');
    expect(sniffMediaType(text('<svg xmlns="http://www.w3.org/2000/svg"/>'))).to.equal(
      'text/plain',
    );
    expect(sniffMediaType(new Uint8Array())).to.equal('application/octet-stream');
    expect(sniffMediaType(text('a\0b'))).to.equal('application/octet-stream');
    expect(sniffMediaType(Buffer.from([0xc3, 0x28]))).to.equal('application/octet-stream');
  });

  it('come from a closed list for any bytes', () => {
    const known =
      /^(application\/(pdf|dicom|json|fhir\+json|octet-stream)|image\/(png|jpeg|webp|tiff)|text\/plain)$/;
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, whole) =>
        known.test(sniffMediaType(bytes, whole)),
      ),
    );
  });
});
