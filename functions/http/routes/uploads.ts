import { uploadRequestSchema, uploadSchema } from '../../model/answers/upload.ts';
import { UPLOAD, UPLOAD_REQUEST } from '../examples.ts';
import { BODY_CODES, type Parameter, type Route } from '../route.ts';
import { offerUpload, receiveUpload, type UploadsDeps, uploadPermission } from '../uploads.ts';

const asGiven = (type: string): Parameter => ({
  description: 'As in upload_url.',
  isRequired: true,
  schema: { type },
});

export const UPLOADS: readonly Route<UploadsDeps>[] = [
  {
    name: 'offer-upload',
    method: 'POST',
    path: '/uploads',
    tag: 'Uploads',
    summary: 'Ask where to send a file',
    description:
      'For files that have no address of their own. Send the file to upload_url, then use url as that of a clip or track. ' +
      'A file is kept for 7 days.',
    body: {
      schema: uploadRequestSchema,
      examples: { clip: UPLOAD_REQUEST },
    },
    answers: { 201: { description: 'How to send the file.', schema: uploadSchema, example: UPLOAD } },
    codes: BODY_CODES,
    answer: offerUpload,
  },
  {
    name: 'send-upload',
    method: 'PUT',
    path: '/uploads/{upload_id}',
    tag: 'Uploads',
    summary: 'Send a file',
    description:
      'The upload_url of POST /uploads leads here, unless it leads to Cloud Storage. It needs no API key. Send the headers ' +
      'of that answer. The first whole file stays: repeating it is harmless, and another one is refused. What was ' +
      'interrupted is sent again from the start.',
    permissionOf: uploadPermission,
    parameters: { upload_id: { description: 'As in upload_url.', schema: { type: 'string' } } },
    query: {
      bytes: asGiven('integer'),
      type: asGiven('string'),
      expires: asGiven('integer'),
      signature: asGiven('string'),
    },
    headers: {
      'Content-Type': {
        description: 'The type that was announced.',
        isRequired: true,
        schema: { type: 'string' },
      },
    },
    body: { media: '*/*' },
    answers: { 204: { description: 'The file was stored.' } },
    codes: [
      'upload_forbidden',
      'partial_upload',
      'upload_mismatch',
      'unsupported_media_type',
      'request_timeout',
    ],
    answer: receiveUpload,
  },
];
