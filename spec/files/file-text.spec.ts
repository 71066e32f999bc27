import { expect } from 'chai';
import { fileText, isReadable } from '../../lib/files/read/file-text.ts';
import { readPdf } from '../../lib/files/read/pdf.ts';

/** A PDF document with one line of text on each page. */
function pdfOf(...lines: string[]): Buffer {
  const kids = lines.map((_line, index) => `${4 + index * 2} 0 R`).join(' ');
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Kids [${kids}] /Count ${lines.length} >>`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
    ...lines.flatMap((line, index) => {
      const content = `BT /F1 12 Tf 72 700 Td (${line}) Tj ET`;
      const resources = '/Resources << /Font << /F1 3 0 R >> >>';
      return [
        `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] ${resources} /Contents ${5 + index * 2} 0 R >>`,
        `<< /Length ${content.length} >>\nstream\n${content}\nendstream`,
      ];
    }),
  ];
  const body = objects.map((object, index) => `${index + 1} 0 obj\n${object}\nendobj\n`).join('');
  return Buffer.from(`%PDF-1.4\n${body}trailer\n<< /Root 1 0 R /Size ${objects.length + 1} >>\n%%EOF\n`);
}

describe('the text of a file', function () {
  this.timeout(30_000);

  it('is that of a text in UTF-8 and UTF-16, cut where it is too long', async () => {
    expect(await fileText('text/csv', Buffer.from('a,b\n1,你好'))).to.equal('a,b\n1,你好');
    expect(await fileText('text/plain', Buffer.from('\u{FEFF}héllo', 'utf16le'))).to.equal('héllo');
    expect(await fileText('application/json', Buffer.from([0x7b, 0xff, 0x7d]))).to.equal('{\u{FFFD}}');
    const long = await fileText('text/markdown', Buffer.alloc(200_001, 'x'));
    expect(long).to.equal(`${'x'.repeat(200_000)}\n[cut: the text has 200001 characters]`);
  });

  it('is that of the pages of a PDF document, read apart from the event loop', async () => {
    const text = await fileText('application/pdf', pdfOf('The lamp is blue.', 'It is in the kitchen.'));
    expect(text).to.equal('[page 1 of 2]\nThe lamp is blue.\n\n[page 2 of 2]\nIt is in the kitchen.');
    const { pages, count } = await readPdf(pdfOf(...Array.from({ length: 203 }, (_, index) => `p${index}`)));
    expect([pages.length, pages.at(-1), count]).to.deep.equal([200, 'p199', 203]);
  });

  it('says so where a document cannot be read, or has no text', async () => {
    const broken = await fileText('application/pdf', Buffer.from('%PDF-1.4\nnothing'));
    expect(broken).to.match(/^\[The PDF document cannot be read: .*\]$/s);
    expect(await fileText('application/pdf', pdfOf(''))).to.equal(
      '[the document has no text: its pages are pictures]',
    );
  });

  it('is there for texts and PDF only', () => {
    const types = ['text/plain', 'application/pdf', 'application/json', 'image/png', 'application/zip'];
    expect(types.filter(isReadable)).to.deep.equal(['text/plain', 'application/pdf', 'application/json']);
  });
});
