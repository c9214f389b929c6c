/** The kinds of attack that `npm run bench -- hostile` makes. */
import {
  forgedStream,
  fullIndex,
  highRate,
  hugeCover,
  hugeFragment,
  hugeIndex,
  hugeMetadata,
  type Make,
  manyChannels,
  manyChapters,
  manyOggStreams,
  manyPackets,
  manyStreams,
  repeatedPng,
  slowGif,
  slowProres,
} from './hostile-files.ts';
import {
  type Attack,
  dryRuns,
  idle,
  pipelined,
  slashes,
  slowReaders,
  slowSenders,
} from './hostile-requests.ts';

export type Kind = { name: string; about: string } & (
  | { attack: Attack }
  /** A task with these files of a stranger, and what else its request says. */
  | { clips?: readonly Make[]; tracks?: readonly Make[]; output?: object }
  /** A task whose URLs send so many bytes every so many milliseconds. */
  | { drips: number; everyMs: number; bytes: number }
);

const indexes = (index: (count: number, seed: number) => Buffer) =>
  Array.from(
    { length: 16 },
    (_, at): Make =>
      () =>
        index(18_000_000, at),
  );
const LARGE = { width: 3_840, height: 2_160, fps: 60 };

export const KINDS: readonly Kind[] = [
  { name: 'forged', about: 'an MP3 whose metadata imitates a stream, in 100 KB', tracks: [forgedStream] },
  { name: 'picture', about: 'a MOV that shows one PNG of 24 megapixels 35,900 times', clips: [repeatedPng] },
  {
    name: 'indexes',
    about: '16 MP4 of 1 KB with an index of 18 million samples, as tracks',
    tracks: indexes(hugeIndex),
  },
  { name: 'dry', about: 'dry runs with an answer of 84 MB', attack: dryRuns },
  { name: 'readers', about: '20 callers who do not read that answer', attack: slowReaders },
  { name: 'drips', about: '16 URLs that send a byte in 10 s', drips: 16, everyMs: 10_000, bytes: 1 },
  { name: 'slashes', about: 'GETs of 15,800 slashes, six at a time', attack: slashes },
  { name: 'idle', about: '1,000 connections that say nothing', attack: idle },
  { name: 'pipelined', about: '1,000 connections with 200 requests each, answers unread', attack: pipelined },
  { name: 'senders', about: '300 callers who send a body byte by byte', attack: slowSenders },
  { name: 'trickle', about: '16 URLs that send 8 KB a second', drips: 16, everyMs: 1_000, bytes: 8_192 },
  {
    name: 'film-indexes',
    about: '16 MOV of 720 KB with 18 million pictures each, as clips',
    clips: indexes(fullIndex),
  },
  { name: 'fragment', about: 'a fragment of 20 million samples, in 1 KB', tracks: [hugeFragment] },
  { name: 'channels', about: 'ten minutes of 255 channels at 65 kHz', tracks: [manyChannels] },
  { name: 'rate', about: 'ten minutes of 8 channels at 768 kHz', tracks: [highRate] },
  { name: 'streams', about: 'an MP4 of 100 sounds', tracks: [manyStreams] },
  { name: 'packets', about: 'an MKV of a million packets', tracks: [manyPackets] },
  { name: 'chapters', about: 'an MKV of 200,000 chapters', tracks: [manyChapters] },
  { name: 'metadata', about: 'an MP3 with 50 MB of metadata', tracks: [hugeMetadata] },
  { name: 'cover', about: 'a FLAC with a cover of 15 MB', tracks: [hugeCover] },
  { name: 'ogg', about: 'an Ogg of 3,000 streams', tracks: [manyOggStreams] },
  { name: 'gif', about: 'a GIF of 1 KB for ten minutes of 4K at 60', clips: [slowGif], output: LARGE },
  { name: 'prores', about: 'a minute of noise in 4K ProRes, as an editor may send it', clips: [slowProres] },
];
