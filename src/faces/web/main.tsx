import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { follow } from './follow.ts'
import { Page } from './page.tsx'
import { store } from './store.ts'
import './style.css'

const place = document.getElementById('page')
if (place) {
  void follow(store)
  createRoot(place).render(
    <StrictMode>
      <Page />
    </StrictMode>,
  )
}
