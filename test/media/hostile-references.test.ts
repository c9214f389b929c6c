/** Files that refer to other files or servers: playlists, scripts, subtitles, references within containers. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFilm } from '../fixtures/media/clips.ts';
import {
  ascii,
  avi,
  box,
  ebml,
  mkv,
  mov,
  png,
  riff,
  SAMPLES_AT,
  type Track,
  u8,
  u16,
  u32,
  wav,
  zeros,
} from '../fixtures/media/containers.ts';
import { type Hostile, hostileTests, type Secrets } from '../fixtures/media/hostile-files.ts';

const REFUSED = ['media_unreadable'] as const;
const hls = (uri: string, more = '') =>
  `#EXTM3U\n#EXT-X-TARGETDURATION:3\n${more}#EXTINF:3,\n${uri}\n#EXT-X-ENDLIST\n`;
const concat = (...names: string[]) =>
  `ffconcat version 1.0\n${names.map((name) => `file '${name}'`).join('\n')}\n`;
/** An empty ID3v2.4 tag, which demuxers skip before they detect the format. */
const ID3 = Buffer.concat([ascii('ID3'), u8(4, 0, 0, 0, 0, 0, 10), zeros(10)]);

const dash = ({ beside }: Secrets) =>
  `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT3S">
  <Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1"><BaseURL>${beside}</BaseURL>
  </Representation></AdaptationSet></Period></MPD>`;

const PICTURE = png(64, 64);
const film = (frames: number, change: Partial<Track> = {}): Track => ({
  ...{ codec: 'png ', kind: 'video', stts: [frames, 1], size: PICTURE.length, count: frames },
  chunks: Array.from({ length: frames }, (_, at) => SAMPLES_AT + at * PICTURE.length),
  ...change,
});
const pictures = (frames: number) => Buffer.concat(Array.from({ length: frames }, () => PICTURE));

/**
 * A QuickTime alias: `type` 2 is an absolute path, levels make a relative one. See Inside Macintosh, "Alias
 * Manager".
 */
function alias(path: string, levels: number): Buffer {
  const name = Buffer.alloc(63);
  name.write('secret.mp4');
  const way = ascii(path.padEnd(path.length + (path.length % 2), '\0'));
  const fields = [
    zeros(10),
    u8(0),
    zeros(27),
    zeros(12),
    u8(10),
    name,
    zeros(16),
    u16(levels, levels),
    zeros(16),
  ];
  return box('alis', u32(0), ...fields, u16(2, way.length), way, u16(0xffff, 0), zeros(160));
}

const text = (what: string, make: (secrets: Secrets) => string): Hostile => ({ what, make, ends: REFUSED });

const FILES: readonly Hostile[] = [
  text('an HLS playlist of a neighbouring file', () => hls('secret.ts')),
  text('an HLS playlist of an absolute path', ({ absolute }) => hls(absolute)),
  text('an HLS playlist of a file: address', ({ absolute }) => hls(`file://${absolute}`)),
  text('an HLS playlist of a server', ({ url }) => hls(url)),
  text('an HLS playlist behind a byte order mark', ({ beside }) => `\ufeff${hls(beside)}`),
  text('an HLS playlist with a key on a server', ({ url }) =>
    hls('secret.ts', `#EXT-X-KEY:METHOD=AES-128,URI="${url}"\n`),
  ),
  text('an HLS playlist with a map of a secret file', ({ beside }) =>
    hls('secret.ts', `#EXT-X-MAP:URI="${beside}"\n`),
  ),
  text('an HLS playlist by the concat: protocol', ({ absolute, url }) => hls(`concat:${url}|${absolute}`)),
  text('an HLS playlist by the subfile: protocol', ({ absolute }) =>
    hls(`subfile,,start,0,end,9999,,:${absolute}`),
  ),
  text('an HLS playlist by the data: protocol', () => hls('data:video/mp2t;base64,R0FBQQ==')),
  text('an HLS playlist by the pipe: protocol', () => hls('pipe:0')),
  text('an HLS master playlist', ({ url }) => `#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n${url}\n`),
  {
    what: 'an HLS playlist behind an ID3 tag',
    make: () => Buffer.concat([ID3, ascii(hls('secret.ts'))]),
    ends: REFUSED,
  },
  text('an ffconcat script of a neighbouring file', ({ beside }) => concat(beside)),
  text('an ffconcat script of an absolute path', ({ absolute }) => concat(absolute)),
  text('an ffconcat script of a server', ({ url }) => concat(url)),
  text('an ffconcat script of a device', () => concat('/dev/zero')),
  text('an ffconcat script with options', ({ beside }) => `${concat(beside)}option safe 0\noption f lavfi\n`),
  {
    what: 'an ffconcat script behind an ID3 tag',
    make: ({ beside }) => Buffer.concat([ID3, ascii(concat(beside))]),
    ends: REFUSED,
  },
  text('a DASH manifest', dash),
  text(
    'a session description',
    () =>
      'v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\na=rtpmap:96 H264/90000\n',
  ),
  text(
    'an IMF playlist',
    ({ beside }) =>
      `<?xml version="1.0"?><CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016">${beside}</CompositionPlaylist>`,
  ),
  text('a SMIL page', ({ url }) => `<smil><body><video src="${url}"/></body></smil>`),
  text('a QuickTime text reference', ({ url }) => `RTSPtext\n${url}\n`),
  text('an ASX list', ({ url }) => `<asx version="3.0"><entry><ref href="${url}"/></entry></asx>`),
  text('a Windows Media reference', ({ url }) => `[Reference]\nRef1=${url}\n`),
  text('a PLS list', ({ url }) => `[playlist]\nFile1=${url}\nNumberOfEntries=1\n`),
  text('a plain list', ({ absolute, url }) => `#EXTM3U\n${absolute}\n${url}\n`),
  text('an AviSynth script', ({ absolute }) => `AviSource("${absolute}")\n`),
  text('ffmpeg metadata', () => ';FFMETADATA1\ntitle=x\n[STREAM]\n[CHAPTER]\nTIMEBASE=1/1\nSTART=0\nEND=9\n'),
  text(
    'a VobSub index',
    () =>
      '# VobSub index file, v7 (do not modify this line!)\nid: en, index: 0\ntimestamp: 00:00:00:000, filepos: 0\n',
  ),
  text(
    'an ASS script',
    ({ absolute }) => `[Script Info]\nScriptType: v4.00+\n[Fonts]\nfontname: ${absolute}\n[Events]\n`,
  ),
  text('SRT subtitles', ({ url }) => `1\n00:00:00,000 --> 00:00:02,000\n<img src="${url}">\n`),
  text('WebVTT subtitles', ({ url }) => `WEBVTT\n\n00:00.000 --> 00:02.000\n<img src="${url}">\n`),
  text('an SVG picture', ({ url }) => `<svg xmlns="http://www.w3.org/2000/svg"><image href="${url}"/></svg>`),
  text('a page', ({ url }) => `<!doctype html><img src="${url}">`),
  text('a file name pattern', () => 'secret%03d.png\n'),
  text('a filter graph', ({ absolute }) => `movie=${absolute}\n`),
  text('text with terminal escapes', () => '\u001b[2J\u001b[1;31mred\u001b[0m\n'.repeat(50)),
  {
    what: 'a QuickTime film whose pictures are in another file, by an absolute path',
    make: ({ absolute }) => mov(zeros(0), [film(10, { dref: alias(absolute, 0) })]),
    ends: ['media_unreadable', 'media_truncated', 'no_video'],
  },
  {
    what: 'a QuickTime film whose pictures are in a neighbouring file',
    make: ({ beside }) => mov(zeros(0), [film(10, { dref: alias(`/${beside}`, 1) })]),
    ends: ['media_unreadable', 'media_truncated', 'no_video'],
  },
  {
    what: 'a QuickTime film whose pictures are on a server',
    make: ({ url }) => mov(zeros(0), [film(10, { dref: box('url ', u32(0), ascii(`${url}\0`)) })]),
    ends: ['media_unreadable', 'media_truncated', 'no_video', 'conform_failed'],
  },
  {
    what: 'a QuickTime film that is a reference to another one',
    make: ({ url }) =>
      box(
        'moov',
        box('rmra', box('rmda', box('rdrf', u32(0), ascii('url '), u32(url.length + 1), ascii(`${url}\0`)))),
      ),
    ends: ['media_unreadable', 'no_video'],
  },
  {
    what: 'a film with a playlist after its last box',
    make: ({ absolute }) => Buffer.concat([mov(pictures(10), [film(10)]), ascii(hls(absolute))]),
    ends: ['harmless'],
  },
  {
    what: 'a film with a playlist before its pictures',
    make: ({ absolute }) => {
      const list = ascii(`\n${hls(absolute)}\n${concat(absolute)}`);
      const chunks = Array.from({ length: 10 }, (_, at) => SAMPLES_AT + list.length + at * PICTURE.length);
      return mov(Buffer.concat([list, pictures(10)]), [film(10, { chunks })]);
    },
    ends: ['harmless'],
  },
  {
    what: 'a film with a playlist as its title and comment',
    make: ({ url }) => {
      const tag = (type: string) => box(type, box('data', u32(1, 0), ascii(hls(url))));
      const list = box('ilst', tag('\u00a9nam'), tag('\u00a9cmt'));
      const handler = box('hdlr', u32(0, 0), ascii('mdirappl'), zeros(9));
      return mov(pictures(10), [film(10)], [box('udta', box('meta', u32(0), handler, list))]);
    },
    ends: ['harmless'],
  },
  {
    what: 'a Matroska film with files attached to it',
    make: ({ absolute }) => {
      const attached = ebml(
        0x61a7,
        ebml(0x466e, ascii(absolute)),
        ebml(0x4660, ascii('application/x-truetype-font')),
        ebml(0x465c, ascii(concat(absolute))),
        ebml(0x46ae, u8(1)),
      );
      const packets = Array.from({ length: 10 }, (_, at) => ({ at: at * 33, bytes: PICTURE }));
      return mkv({ codec: 'V_MJPEG', width: 64, height: 64 }, packets, [ebml(0x1941a469, attached)]);
    },
    ends: ['harmless', 'media_unreadable', 'conform_failed'],
  },
  {
    what: 'a Matroska film that links to a segment elsewhere',
    make: ({ absolute }) => {
      const info = ebml(
        0x1549a966,
        ebml(0x3eb923, zeros(16)),
        ebml(0x3e83bb, ascii(absolute)),
        ebml(0x3c83ab, ascii(absolute)),
      );
      return mkv({ codec: 'A_PCM/INT/LIT' }, [{ at: 0, bytes: zeros(19_200) }], [info]);
    },
    ends: ['harmless'],
  },
  {
    what: 'an AVI film with an embedded script for subtitles',
    async make({ absolute }, dir) {
      const made = await readFile(
        await makeFilm(join(dir, 'own.avi'), { frames: 10, sound: 'none', output: ['-c:v', 'mjpeg'] }),
      );
      const gab2 = Buffer.concat([
        ascii('GAB2\0'),
        u8(2, 0),
        zeros(4),
        u8(4, 0),
        zeros(4),
        ascii(concat(absolute)),
      ]);
      return Buffer.concat([made, riff('00tx', gab2)]);
    },
    ends: ['harmless'],
  },
  {
    what: 'an AVI film that is played by a script',
    make: ({ absolute }) =>
      avi({ codec: 'avs ', width: 64, height: 64 }, [ascii(`AviSource("${absolute}")`)]),
    ends: ['media_unreadable', 'no_video'],
  },
  {
    what: 'a sound followed by a playlist',
    make: ({ absolute }) => Buffer.concat([wav(zeros(19_200)), ascii(hls(absolute))]),
    ends: ['harmless'],
  },
];

hostileTests('files that name others', FILES, { mostMb: 200 });
