import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PermanentError } from '../../functions/base/errors.ts';
import {
  exitError,
  FfmpegError,
  lastMessage,
  permanentFrom,
  withoutDirectories,
} from '../../functions/media/ffmpeg-error.ts';

for (const [stderr, words] of [
  ['', 'no message'],
  ['one\ntwo\n', 'two'],
  ['[h264 @ 0x1] bad\n[vost#0:0/libx264 @ 0x2] [enc @ 0x3] worse.\n', 'worse'],
  ['cause\nError opening output file x.\nConversion failed!\n', 'cause'],
  ['cause\n    Last message repeated 3 times\n', 'cause'],
  ['frame= 1\rcause\r', 'cause'],
  [
    'cause\nOutput file is empty, nothing was encoded(check -ss / -t / -frames parameters if used)\n',
    'cause',
  ],
  ['cause\n[fc#0 @ 0x1] Task finished with error code: -22 (Invalid argument)\n', 'cause'],
  [
    'cause\nCannot determine format of input stream 0:0 after EOF\nError marking filters as finished\n',
    'cause',
  ],
  ['cause\nNo more output streams to write to, finishing.\n', 'cause'],
  ['cause\n[libx264 @ 0x1] Reinit context to 64x64, pix_fmt: yuv420p\n', 'cause'],
  ['cause\n[af @ 0x1] 0 frames in, 0 frames out\n', 'cause'],
  ['x'.repeat(1000), `${'x'.repeat(300)}...`],
] as const) {
  test(`the last message of ${JSON.stringify(stderr.slice(0, 40))} is ${words.slice(0, 20)}`, () => {
    assert.equal(lastMessage(stderr), words);
  });
}

for (const [text, plain] of [
  ['/var/lib/data/video.mp4: not found', 'video.mp4: not found'],
  ['file:/var/lib/video.mp4: not found', 'video.mp4: not found'],
  ["Impossible to open '/my data/it/a clip.mp4'", "Impossible to open 'a clip.mp4'"],
  ["Impossible to open 'file:/my data/it/a clip.mp4'", "Impossible to open 'a clip.mp4'"],
  ['Impossible to open "C:\\my data\\clip.mp4"', 'Impossible to open "clip.mp4"'],
  ['spawn /opt/ffmpeg/bin/ffmpeg ENOENT', 'spawn ffmpeg ENOENT'],
  ['30/1 fps at 1/2 speed', '30/1 fps at 1/2 speed'],
  ['#0:0/libx264', '#0:0/libx264'],
] as const) {
  test(`${text} is shown as ${plain}`, () => assert.equal(withoutDirectories(text), plain));
}

test('a failure of ffmpeg becomes an error that says what was expected; others stay unchanged', () => {
  const broken = new FfmpegError({
    exitCode: 1,
    signal: null,
    exceeded: null,
    stderr: '',
    shortMessage: 'no frames',
  });
  const words = { expected: 'a clip', next: 'Export it again.' };
  const error = permanentFrom(broken, 'conform_failed', 'conform', words);
  assert.ok(PermanentError.is(error));
  assert.equal(error.message, 'Expected a clip, got: no frames. Export it again.');
  assert.equal(error.cause, broken);
  const other = new Error('other');
  assert.equal(permanentFrom(other, 'conform_failed', 'conform', words), other);
});

const ENDED =
  '  Input stream #0:1 (video): 60 packets read (9 bytes); 0 frames decoded; 60 decode errors; \n';
for (const [decoder, said, words] of [
  ['aac', `Error while decoding stream #0:1: Invalid data\n${ENDED}`, 'its aac could not be decoded'],
  ['libdav1d', `[libdav1d @ 0x1] Unknown OBU\n${ENDED}`, 'its av1 could not be decoded (Unknown OBU)'],
  ['cfhd', 'Cannot determine format of input stream 0:1 after EOF\n', 'its cfhd could not be decoded'],
] as const) {
  test(`a run in which ${decoder} gave nothing names its codec`, () => {
    const stderr = `\nStream mapping:\n  Stream #0:1 (${decoder}) -> fps:default\n${said}Conversion failed!\n`;
    const error = exitError(1, null, stderr, { memoryMb: 1, fileMb: 1 });
    assert.ok(FfmpegError.is(error));
    assert.equal(error.shortMessage, words);
  });
}
