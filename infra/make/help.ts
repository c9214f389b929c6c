/** What --help shows. @param command how this program is called, such as `npx every-cut` */
export function helpText(command: string): string {
  return `Makes every combination of your clips into a finished video.

  ${command} FOLDER              uses the clips in the folder
  ${command} request.json        posts that request; files that it names are uploaded

A folder looks like this:

  spring sale/                 the videos go to a folder of this name
    1 hooks/                   the first part of each video
      dog.mp4
      cat.mp4
    2 bodies/                  the second part
      short.mp4
      long.mov
    music/                     optional: each video gets one of these
      song.mp3
    lines.txt                  optional: each video speaks one of its lines
    task.json                  optional: more fields of a request: { "audio": { "music_db": -6 } }

Folders in the order of their names are the parts of a video; a number in front of a name is left
out. This one makes 2 x 2 = 4 videos. In place of lines.txt, lines.csv may have the columns text,
voice, speed, language and group.

Examples:

  ${command} "spring sale" --dry-run
  ${command} "spring sale" --format 9x16,1x1 --captions burn
  ${command} "spring sale" --limit 12 --voice Brian --name "spring sale, short"

Options:

  --format 9x16,1x1   make each video in these formats: 9x16, 4x5, 1x1, 16x9
  --fit cover         how clips fill a format: contain (bars), cover (cut off), blur (blurred bars)
  --captions burn     show the spoken words: burn (in the picture), track (off and on), srt (a file)
  --limit 12          make only so many combinations of clips, each clip equally often
  --dry-run           show what would be made, and make nothing
  --name NAME         call the task and its folder so; by default as the folder of clips
  --voice VOICE       who speaks lines that name no voice (Sarah)
  --language de       the language of lines that name none
  --seed 7            draw music, lines and a limit in another way; a number from 0
  --url URL           use the service there; by default one on this machine, or one of its own
  --key KEY           its API key; by default API_KEY of the settings
  --again             make everything anew, even if it has been made, and draw anew without --seed
  --no-open           do not show the folder at the end
  --help              show this

The same clips, lines and options draw the same music and lines for each video, so a dry run shows
what is then made.

Without --format, videos have the shape of the first clip, and clips that match each other are not
encoded again. In 9x16, wide clips have bars unless --fit cover. Burned captions take longest.

Videos go to a folder in OUTPUT_DIR (./output), or where the settings of the service say: Google
Drive, Cloud Storage. A contact sheet of all of them is beside them.

Ctrl-C stops. The same command then goes on: it uploads only what is missing, and makes only what is
not made. A service that runs elsewhere goes on without you. Once all is made, the same command
shows it again; failed videos are tried again.

The exit code is 0 if all videos succeeded, 130 after Ctrl-C, and otherwise 1.`;
}
